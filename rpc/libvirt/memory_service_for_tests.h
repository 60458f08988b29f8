// SPDX-License-Identifier: GPL-2.0-or-later
// A service without a kernel: filters and bindings by name, in memory. For tests and fuzzing of the protocol only.
#pragma once

#include <map>
#include <string>

#include "host/service.h"

namespace nwf::rpc::libvirt {

class MemoryService : public host::Service {
 public:
  std::map<std::string, std::string> filters;   ///< text by name
  std::map<std::string, std::string> bindings;  ///< filter by port
  bool in_use = false;

  static Uuid uuid_of(const std::string& name) {
    Uuid uuid;
    for (std::size_t i = 0; i < name.size(); ++i)
      uuid.bytes[i % 16] = static_cast<std::uint8_t>(uuid.bytes[i % 16] * 31 + static_cast<std::uint8_t>(name[i]));
    return uuid;
  }

  /// A text is `NAME rest`.
  Result<host::Defined> filter_define(const std::string& text, const std::string&) override {
    const std::string name = text.substr(0, text.find(' '));
    if (name.empty()) return fail({ErrorKind::Invalid, "the text is empty", {"XML", 1, 1}, "write some", {}});
    filters[name] = text;
    return host::Defined{{name, uuid_of(name)}, false, {}, {}};
  }
  Result<std::vector<std::string>> filter_validate(const std::string&, const std::string&) override {
    return std::vector<std::string>{};
  }
  Result<host::FilterSummary> filter_undefine(const std::string& name) override {
    NWF_TRY(auto filter, filter_lookup(name));
    if (in_use) return fail(ErrorKind::Refused, "in use");
    filters.erase(filter.name);
    return filter;
  }
  Result<std::string> filter_dumpxml(const std::string& name) override {
    NWF_TRY(const auto filter, filter_lookup(name));
    return filters[filter.name];
  }
  Result<host::FilterSummary> filter_lookup(const std::string& name) override {
    for (const auto& [known, text] : filters)
      if (known == name || uuid_of(known).text() == name) return host::FilterSummary{known, uuid_of(known)};
    return fail(ErrorKind::NotFound, "there is no filter");
  }
  Result<std::vector<host::FilterSummary>> filter_list() override {
    std::vector<host::FilterSummary> list;
    for (const auto& [name, text] : filters) list.push_back({name, uuid_of(name)});
    return list;
  }

  Result<host::Bound> binding_create(const std::string& text, const std::string&) override {
    const std::string port = text.substr(0, text.find(' '));
    if (port.empty()) return fail({ErrorKind::Invalid, "the text is empty", {"XML", 1, 1}, "write some", {}});
    if (!bindings.emplace(port, "clean").second) return fail(ErrorKind::Refused, "port is bound already");
    return host::Bound{{port, "clean", false}, {}};
  }
  Result<host::BindingSummary> binding_delete(const std::string& port) override {
    NWF_TRY(auto binding, binding_lookup(port));
    bindings.erase(port);
    return binding;
  }
  Result<std::string> binding_dumpxml(const std::string& port) override {
    NWF_TRY(const auto binding, binding_lookup(port));
    return "<filterbinding " + binding.port + "/>";
  }
  Result<host::BindingSummary> binding_lookup(const std::string& port) override {
    const auto found = bindings.find(port);
    if (found == bindings.end()) return fail(ErrorKind::NotFound, "port is not bound");
    return host::BindingSummary{port, found->second, false};
  }
  Result<std::vector<host::BindingSummary>> binding_list() override {
    std::vector<host::BindingSummary> list;
    for (const auto& [port, filter] : bindings) list.push_back({port, filter, false});
    return list;
  }
  Result<host::Bound> binding_set(const std::string&, const Variables&) override { return unused(); }
  Result<host::PortRules> binding_rules(const std::string&) override { return unused(); }
  Result<std::vector<host::LearnedAddress>> learned_list(const std::string&) override { return unused(); }
  Result<std::vector<host::LearnedAddress>> learned_forget(const std::string&, const std::string&) override {
    return unused();
  }
  Result<std::vector<host::LearnedAddress>> learned_set(const std::string&, const std::vector<std::string>&) override {
    return unused();
  }
  Result<host::GuestBound> guest_bind(const std::string&, const std::string&, host::GuestState) override {
    return unused();
  }
  Result<std::vector<host::BindingSummary>> guest_unbind(const std::string&, const std::optional<Mac>&) override {
    return unused();
  }
  Result<host::Applied> apply(const std::vector<host::Document>&, const host::Progress&) override { return unused(); }
  Result<host::Planned> plan(const std::vector<host::Document>&) override { return unused(); }
  Result<host::Status> status() override { return unused(); }
  Result<std::size_t> reconcile() override { return unused(); }
  Result<host::Figures> figures() override { return unused(); }
  Result<void> watch(const std::function<bool(const host::Event&)>&) override { return unused(); }

 private:
  static tl::unexpected<Error> unused() { return fail(ErrorKind::Unsupported, "the protocol has no such call"); }
};

}  // namespace nwf::rpc::libvirt
