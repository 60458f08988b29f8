// SPDX-License-Identifier: GPL-2.0-or-later
// A service without a kernel: remembers what it was asked and answers from plain data. For the tests of the tool only.
#pragma once

#include <map>
#include <sstream>

#include "tools/nwfctl/root_name.h"
#include "tools/nwfctl/run.h"

namespace nwf::tools {

class FakeService : public host::Service {
 public:
  std::map<std::string, std::string> filters;  // XML by name
  std::map<std::string, host::BindingSummary> bindings;
  std::vector<std::string> warnings;  // of every define and bind
  std::size_t ports = 0;              // changed by every define
  std::optional<Error> next_error;    // of the next define
  Variables last_values;
  host::PortRules rules;
  std::vector<host::LearnedAddress> learned;
  host::Status all;
  host::Applied applied;
  host::Planned planned;
  std::vector<host::Document> documents;  // of the last apply or plan
  std::size_t changes = 0;

  static host::FilterSummary summary(const std::string& name) {
    // One UUID for each first letter is enough here.
    Uuid uuid;
    uuid.bytes.fill(static_cast<std::uint8_t>(name.front()));
    return {name, uuid};
  }

  Result<host::Defined> filter_define(const std::string& text, const std::string& file) override {
    if (next_error) return fail(*std::exchange(next_error, std::nullopt));
    const auto name = root_name(text);
    if (!name)
      return fail(Error{ErrorKind::Invalid, "this is no <filter>", {file, 1, 1}, "start with <filter name='…'>", {}});
    const bool replaced = filters.contains(*name);
    filters[*name] = text;
    return host::Defined{summary(*name), replaced, ports, warnings};
  }
  Result<std::vector<std::string>> filter_validate(const std::string& text, const std::string& file) override {
    if (root_name(text)) return warnings;
    Error error{ErrorKind::Invalid, "unknown action 'acept'", {file, 2, 9}, "did you mean 'accept'?", {}};
    error.more.push_back({ErrorKind::Invalid, "priority 9999 is out of range", {file, 3, 4}, "-1000 to 1000", {}});
    return fail(std::move(error));
  }
  Result<host::FilterSummary> filter_undefine(const std::string& name) override {
    NWF_TRY(auto filter, filter_lookup(name));
    if (name == "used")
      return fail(ErrorKind::Refused, "filter 'used' is in use by port vnet0", "delete the binding first");
    filters.erase(name);
    return filter;
  }
  Result<std::string> filter_dumpxml(const std::string& name) override {
    NWF_CHECK(filter_lookup(name));
    return filters[name];
  }
  Result<host::FilterSummary> filter_lookup(const std::string& name) override {
    if (!filters.contains(name)) return fail(ErrorKind::NotFound, "there is no filter '" + name + "'");
    return summary(name);
  }
  Result<std::vector<host::FilterSummary>> filter_list() override {
    std::vector<host::FilterSummary> list;
    for (const auto& [name, text] : filters) list.insert(list.begin(), summary(name));  // against the order
    return list;
  }

  Result<host::Bound> binding_create(const std::string&, const std::string&) override {
    return host::Bound{{"vnet0", "clean", true}, warnings};
  }
  Result<host::BindingSummary> binding_delete(const std::string& port) override { return find(port); }
  Result<std::string> binding_dumpxml(const std::string& port) override {
    NWF_CHECK(find(port));
    return "<filterbinding/>";
  }
  Result<host::BindingSummary> binding_lookup(const std::string& port) override { return find(port); }
  Result<std::vector<host::BindingSummary>> binding_list() override {
    std::vector<host::BindingSummary> list;
    for (const auto& [port, binding] : bindings) list.insert(list.begin(), binding);
    return list;
  }
  Result<host::Bound> binding_set(const std::string& port, const Variables& values) override {
    NWF_TRY(auto binding, find(port));
    last_values = values;
    return host::Bound{binding, warnings};
  }
  Result<host::PortRules> binding_rules(const std::string& port) override {
    NWF_CHECK(find(port));
    return rules;
  }
  std::vector<host::PortDrops> dropped;
  Result<std::vector<host::PortDrops>> drops(const std::string& port) override {
    if (!port.empty()) NWF_CHECK(find(port));
    return dropped;
  }
  Result<std::vector<host::LearnedAddress>> learned_list(const std::string& port) override {
    if (!port.empty()) NWF_CHECK(find(port));
    return learned;
  }
  Result<std::vector<host::LearnedAddress>> learned_forget(const std::string& port, const std::string&) override {
    NWF_CHECK(find(port));
    return learned;
  }
  Result<std::vector<host::LearnedAddress>> learned_set(const std::string& port,
                                                        const std::vector<std::string>&) override {
    NWF_CHECK(find(port));
    return learned;
  }
  Result<host::GuestBound> guest_bind(const std::string&, const std::string&, host::GuestState) override {
    return host::GuestBound{};
  }
  Result<std::vector<host::BindingSummary>> guest_unbind(const std::string&, const std::optional<Mac>&) override {
    return std::vector<host::BindingSummary>{};
  }
  Result<host::Applied> apply(const std::vector<host::Document>& given, const host::Progress&) override {
    documents = given;
    if (next_error) return fail(*std::exchange(next_error, std::nullopt));
    return applied;
  }
  Result<host::Planned> plan(const std::vector<host::Document>& given) override {
    documents = given;
    return planned;
  }
  Result<host::Status> status() override { return all; }
  host::Figures counted;
  std::vector<host::Event> events;
  Result<host::Figures> figures() override { return counted; }
  Result<void> watch(const std::function<bool(const host::Event&)>& on_event) override {
    for (const host::Event& event : events)
      if (!on_event(event)) break;
    return {};
  }
  Result<std::size_t> reconcile() override { return changes; }
  Result<std::string> backend(const std::string& chosen) override {
    if (!chosen.empty()) in_force = chosen;
    return in_force;
  }
  std::string in_force = "nftables";
  Result<host::ExportedTables> export_iptables(const std::string& what, bool classic) override {
    return host::ExportedTables{"*filter of " + what + (classic ? ", classic" : "") + "\n", "", "*nat\n"};
  }

 private:
  Result<host::BindingSummary> find(const std::string& port) {
    if (!bindings.contains(port)) return fail(ErrorKind::NotFound, "there is no binding on port '" + port + "'");
    return bindings[port];
  }
};

// A service that the test keeps while the tool believes to own it.
class Borrowed : public host::Service {
 public:
  explicit Borrowed(host::Service& to) : to_(to) {}
  Result<host::Defined> filter_define(const std::string& t, const std::string& f) override {
    return to_.filter_define(t, f);
  }
  Result<std::vector<std::string>> filter_validate(const std::string& t, const std::string& f) override {
    return to_.filter_validate(t, f);
  }
  Result<host::FilterSummary> filter_undefine(const std::string& n) override { return to_.filter_undefine(n); }
  Result<std::string> filter_dumpxml(const std::string& n) override { return to_.filter_dumpxml(n); }
  Result<host::FilterSummary> filter_lookup(const std::string& n) override { return to_.filter_lookup(n); }
  Result<std::vector<host::FilterSummary>> filter_list() override { return to_.filter_list(); }
  Result<host::Bound> binding_create(const std::string& t, const std::string& f) override {
    return to_.binding_create(t, f);
  }
  Result<host::BindingSummary> binding_delete(const std::string& p) override { return to_.binding_delete(p); }
  Result<std::string> binding_dumpxml(const std::string& p) override { return to_.binding_dumpxml(p); }
  Result<host::BindingSummary> binding_lookup(const std::string& p) override { return to_.binding_lookup(p); }
  Result<std::vector<host::BindingSummary>> binding_list() override { return to_.binding_list(); }
  Result<host::Bound> binding_set(const std::string& p, const Variables& v) override { return to_.binding_set(p, v); }
  Result<std::vector<host::PortDrops>> drops(const std::string& p) override { return to_.drops(p); }
  Result<std::vector<host::LearnedAddress>> learned_list(const std::string& p) override { return to_.learned_list(p); }
  Result<std::vector<host::LearnedAddress>> learned_forget(const std::string& p, const std::string& a) override {
    return to_.learned_forget(p, a);
  }
  Result<std::vector<host::LearnedAddress>> learned_set(const std::string& p,
                                                        const std::vector<std::string>& a) override {
    return to_.learned_set(p, a);
  }
  Result<host::PortRules> binding_rules(const std::string& p) override { return to_.binding_rules(p); }
  Result<host::GuestBound> guest_bind(const std::string& t, const std::string& f, host::GuestState s) override {
    return to_.guest_bind(t, f, s);
  }
  Result<std::vector<host::BindingSummary>> guest_unbind(const std::string& n, const std::optional<Mac>& m) override {
    return to_.guest_unbind(n, m);
  }
  Result<host::Applied> apply(const std::vector<host::Document>& d, const host::Progress& p) override {
    return to_.apply(d, p);
  }
  Result<host::Planned> plan(const std::vector<host::Document>& d) override { return to_.plan(d); }
  Result<host::Status> status() override { return to_.status(); }
  Result<host::Figures> figures() override { return to_.figures(); }
  Result<void> watch(const std::function<bool(const host::Event&)>& on_event) override { return to_.watch(on_event); }
  Result<std::size_t> reconcile() override { return to_.reconcile(); }
  Result<std::string> backend(const std::string& chosen) override { return to_.backend(chosen); }
  Result<host::ExportedTables> export_iptables(const std::string& what, bool classic) override {
    return to_.export_iptables(what, classic);
  }

 private:
  host::Service& to_;
};

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

// The tool on a service, with standard streams of the test.
struct Tool {
  FakeService service;
  std::string input;
  bool on_terminal = false;
  std::map<std::string, std::string> environment;
  std::string root;  // what the last run asked for

  Ran operator()(const std::vector<std::string>& words) {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    Terminal terminal{in, out, err};
    terminal.in_is_terminal = terminal.out_is_terminal = terminal.err_is_terminal = on_terminal;
    terminal.environment = [this](const char* name) -> std::optional<std::string> {
      const auto found = environment.find(name);
      return found == environment.end() ? std::nullopt : std::optional(found->second);
    };
    const auto open = [this](const std::string& asked) -> Result<std::unique_ptr<host::Service>> {
      root = asked;
      return std::make_unique<Borrowed>(service);
    };
    const int code = run(words, terminal, open);
    return {code, out.str(), err.str()};
  }
};

}  // namespace nwf::tools
