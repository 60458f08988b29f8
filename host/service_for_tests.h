// SPDX-License-Identifier: GPL-2.0-or-later
// A service that answers from plain data and remembers what it was asked: for tests and fuzzers only.
#pragma once

#include <string>
#include <vector>

#include "host/service.h"

namespace nwf::host {

class PlainService : public Service {
 public:
  std::vector<std::string> asked;  ///< verb and arguments, one after the other
  std::optional<Error> error;      ///< of every verb that can change
  Status all;
  PortRules rules;
  Figures counted;
  Planned planned;
  Applied applied;
  Variables values;
  std::vector<LearnedAddress> learned;

  Result<Defined> filter_define(const std::string& text, const std::string& file) override {
    asked.insert(asked.end(), {"define", text, file});
    if (error) return fail(*error);
    return Defined{{"mine", {}}, true, 7, {"a warning"}};
  }
  Result<std::vector<std::string>> filter_validate(const std::string& text, const std::string& file) override {
    asked.insert(asked.end(), {"validate", text, file});
    return std::vector<std::string>{"one", "two"};
  }
  Result<FilterSummary> filter_undefine(const std::string& name) override { return filter(name); }
  Result<std::string> filter_dumpxml(const std::string& name) override { return "<filter name='" + name + "'/>"; }
  Result<FilterSummary> filter_lookup(const std::string& name) override { return filter(name); }
  Result<std::vector<FilterSummary>> filter_list() override { return std::vector<FilterSummary>{{"a", {}}, {"b", {}}}; }
  Result<Bound> binding_create(const std::string& text, const std::string& file) override {
    asked.insert(asked.end(), {"create", text, file});
    if (error) return fail(*error);
    return Bound{{"vnet0", "mine", true}, {}};
  }
  Result<BindingSummary> binding_delete(const std::string& port) override { return binding(port); }
  Result<std::string> binding_dumpxml(const std::string& port) override { return "<" + port + "/>"; }
  Result<BindingSummary> binding_lookup(const std::string& port) override { return binding(port); }
  Result<std::vector<BindingSummary>> binding_list() override { return std::vector<BindingSummary>{}; }
  Result<Bound> binding_set(const std::string& port, const Variables& given) override {
    values = given;
    return Bound{{port, "mine", false}, {}};
  }
  Result<PortRules> binding_rules(const std::string&) override { return rules; }
  std::vector<PortDrops> dropped;
  Result<std::vector<PortDrops>> drops(const std::string&) override { return dropped; }
  Result<std::vector<LearnedAddress>> learned_list(const std::string& port) override {
    asked.push_back(port);
    return learned;
  }
  Result<std::vector<LearnedAddress>> learned_forget(const std::string& port, const std::string& address) override {
    asked.insert(asked.end(), {port, address});
    return learned;
  }
  Result<std::vector<LearnedAddress>> learned_set(const std::string& port,
                                                  const std::vector<std::string>& addresses) override {
    asked.push_back(port);
    asked.insert(asked.end(), addresses.begin(), addresses.end());
    return learned;
  }
  Result<GuestBound> guest_bind(const std::string& text, const std::string& file, GuestState) override {
    asked.insert(asked.end(), {"guest", text, file});
    return GuestBound{"g", {{"vnet1", "mine", false}}, {}, {}};
  }
  Result<std::vector<BindingSummary>> guest_unbind(const std::string& name,
                                                   const std::optional<Mac>& unplugged) override {
    asked.insert(asked.end(), {name, unplugged ? unplugged->text() : "all"});
    return std::vector<BindingSummary>{{"vnet1", "mine", false}};
  }
  Result<Applied> apply(const std::vector<Document>& documents, const Progress&) override {
    for (const auto& document : documents) asked.insert(asked.end(), {document.file, document.text});
    return applied;
  }
  Result<Applied> change(const std::vector<Document>& documents, const Removal& removal) override {
    for (const auto& document : documents) asked.insert(asked.end(), {document.file, document.text});
    asked.insert(asked.end(), removal.ports.begin(), removal.ports.end());
    asked.insert(asked.end(), removal.filters.begin(), removal.filters.end());
    return applied;
  }
  Result<Planned> plan(const std::vector<Document>&) override { return planned; }
  Result<Status> status() override { return all; }
  Result<std::size_t> reconcile() override { return std::size_t{42}; }
  Result<Figures> figures() override { return counted; }
  Result<void> watch(const std::function<bool(const Event&)>&) override { return {}; }

 private:
  Result<FilterSummary> filter(const std::string& name) {
    if (error) return fail(*error);
    return FilterSummary{name, {}};
  }
  Result<BindingSummary> binding(const std::string& port) {
    if (error) return fail(*error);
    return BindingSummary{port, "mine", false};
  }
};

}  // namespace nwf::host
