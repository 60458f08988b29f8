// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/observed.h"

#include <fmt/format.h>

namespace nwf::host {
namespace {

class Observed final : public Service {
 public:
  Observed(Service& inner, Observer observer) : inner_(inner), observer_(std::move(observer)) {}

  Result<Defined> filter_define(const std::string& text, const std::string& file) override {
    auto done = inner_.filter_define(text, file);
    if (!done) return refused("filter define", {}, {}, std::move(done));
    const std::string& name = done->filter.name;
    Event event{EventKind::Defined, 0, {}, name, {}, {{"uuid", done->filter.uuid.text()}}};
    event.text = fmt::format("filter {} {}", name, done->replaced ? "changed" : "defined");
    if (done->ports > 0) {
      event.text += fmt::format(", on {} port{}", done->ports, done->ports == 1 ? "" : "s");
      event.more.emplace("ports", fmt::to_string(done->ports));
    }
    tell(std::move(event));
    return done;
  }
  Result<std::vector<std::string>> filter_validate(const std::string& text, const std::string& file) override {
    return inner_.filter_validate(text, file);
  }
  Result<FilterSummary> filter_undefine(const std::string& name) override {
    auto done = inner_.filter_undefine(name);
    if (!done) return refused("filter undefine", {}, name, std::move(done));
    tell({EventKind::Undefined,
          0,
          {},
          done->name,
          fmt::format("filter {} undefined", done->name),
          {{"uuid", done->uuid.text()}}});
    return done;
  }
  Result<std::string> filter_dumpxml(const std::string& name) override { return inner_.filter_dumpxml(name); }
  Result<FilterSummary> filter_lookup(const std::string& name) override { return inner_.filter_lookup(name); }
  Result<std::vector<FilterSummary>> filter_list() override { return inner_.filter_list(); }

  Result<Bound> binding_create(const std::string& text, const std::string& file) override {
    auto done = inner_.binding_create(text, file);
    if (!done) return refused("binding create", {}, {}, std::move(done));
    tell(bound(done->binding, {}));
    return done;
  }
  Result<BindingSummary> binding_delete(const std::string& port) override {
    auto done = inner_.binding_delete(port);
    if (!done) return refused("binding delete", port, {}, std::move(done));
    tell(unbound(*done, {}));
    return done;
  }
  Result<std::string> binding_dumpxml(const std::string& port) override { return inner_.binding_dumpxml(port); }
  Result<BindingSummary> binding_lookup(const std::string& port) override { return inner_.binding_lookup(port); }
  Result<std::vector<BindingSummary>> binding_list() override { return inner_.binding_list(); }
  Result<Bound> binding_set(const std::string& port, const Variables& values) override {
    auto done = inner_.binding_set(port, values);
    if (!done) return refused("binding set", port, {}, std::move(done));
    Event event{EventKind::Changed, 0, port, done->binding.filter, {}, {}};
    std::vector<std::string> names;
    for (const auto& [name, list] : values) {
      names.push_back("$" + name);
      event.more.emplace(name, fmt::format("{}", fmt::join(list, " ")));
    }
    event.text = fmt::format("port {}: {} changed", port, fmt::join(names, ", "));
    tell(std::move(event));
    return done;
  }
  Result<PortRules> binding_rules(const std::string& port) override { return inner_.binding_rules(port); }
  Result<std::vector<PortDrops>> drops(const std::string& port) override { return inner_.drops(port); }
  Result<std::vector<LearnedAddress>> learned_list(const std::string& port) override {
    return inner_.learned_list(port);
  }
  Result<std::vector<LearnedAddress>> learned_forget(const std::string& port, const std::string& address) override {
    auto done = inner_.learned_forget(port, address);
    if (!done) return refused("learned forget", port, {}, std::move(done));
    for (const LearnedAddress& each : *done)
      tell(about(EventKind::Expired, each, fmt::format("port {}: {} is forgotten", port, each.address)));
    return done;
  }
  Result<std::vector<LearnedAddress>> learned_set(const std::string& port,
                                                  const std::vector<std::string>& addresses) override {
    auto done = inner_.learned_set(port, addresses);
    if (!done) return refused("learned set", port, {}, std::move(done));
    for (const LearnedAddress& each : *done)
      if (each.source == "manual")
        tell(about(EventKind::Learned, each, fmt::format("port {} is given {}", port, each.address)));
    return done;
  }
  Result<GuestBound> guest_bind(const std::string& text, const std::string& file, GuestState state) override {
    auto done = inner_.guest_bind(text, file, state);
    if (!done) return refused("guest bind", {}, {}, std::move(done));
    for (const BindingSummary& b : done->bound) tell(bound(b, done->guest));
    for (const BindingSummary& b : done->unbound) tell(unbound(b, done->guest));
    return done;
  }
  Result<std::vector<BindingSummary>> guest_unbind(const std::string& name,
                                                   const std::optional<Mac>& unplugged) override {
    auto done = inner_.guest_unbind(name, unplugged);
    if (!done) return refused("guest unbind", {}, {}, std::move(done));
    for (const BindingSummary& b : *done) tell(unbound(b, name));
    return done;
  }
  Result<Applied> apply(const std::vector<Document>& documents, const Progress& progress) override {
    return told("apply", inner_.apply(documents, progress));
  }
  Result<Applied> change(const std::vector<Document>& documents, const Removal& removal) override {
    return told("change", inner_.change(documents, removal));
  }
  Result<Planned> plan(const std::vector<Document>& documents) override { return inner_.plan(documents); }
  Result<Status> status() override { return inner_.status(); }
  Result<ExportedTables> export_iptables(const std::string& what, bool classic) override {
    return inner_.export_iptables(what, classic);
  }
  Result<std::string> backend(const std::string& chosen) override {
    auto done = inner_.backend(chosen);
    if (!done) return refused("backend", {}, {}, std::move(done));
    return done;
  }
  Result<std::size_t> reconcile() override {
    auto done = inner_.reconcile();
    if (!done) return refused("reconcile", {}, {}, std::move(done));
    return done;
  }
  Result<Figures> figures() override { return observer_.figures(); }
  Result<void> watch(const std::function<bool(const Event&)>& on_event) override { return inner_.watch(on_event); }

 private:
  Result<Applied> told(std::string_view verb, Result<Applied> done) const {
    if (!done) return refused(verb, {}, {}, std::move(done));
    for (const FilterDeed& filter : done->filters) {
      if (filter.deed == Deed::Same) continue;
      const std::string& name = filter.filter.name;
      tell({EventKind::Defined,
            0,
            {},
            name,
            fmt::format("filter {} {}", name, filter.deed == Deed::New ? "defined" : "changed"),
            {{"uuid", filter.filter.uuid.text()}}});
    }
    for (const BindingDeed& binding : done->bindings)
      if (binding.deed != Deed::Same) tell(bound(binding.binding, {}));
    for (const BindingSummary& binding : done->unbound) tell(unbound(binding, {}));
    for (const FilterSummary& filter : done->undefined)
      tell({EventKind::Undefined,
            0,
            {},
            filter.name,
            fmt::format("filter {} undefined", filter.name),
            {{"uuid", filter.uuid.text()}}});
    return done;
  }
  static Event bound(const BindingSummary& b, const std::string& guest) {
    Event event{
        EventKind::Bound, 0, b.port, b.filter, fmt::format("port {} is guarded by filter {}", b.port, b.filter), {}};
    if (!guest.empty()) event.more.emplace("guest", guest);
    return event;
  }
  static Event unbound(const BindingSummary& b, const std::string& guest) {
    Event event{EventKind::Unbound, 0, b.port, b.filter, fmt::format("port {} is not guarded any more", b.port), {}};
    if (!guest.empty()) event.more.emplace("guest", guest);
    return event;
  }
  static Event about(EventKind kind, const LearnedAddress& address, std::string text) {
    return {kind, 0, address.port, {}, std::move(text), {{"address", address.address}, {"source", address.source}}};
  }
  void tell(Event event) const {
    event.time_us = observer_.clock();
    observer_.on_event(event);
  }
  template <class T>
  Result<T> refused(std::string_view verb, std::string port, std::string filter, Result<T> result) const {
    Event event{EventKind::Refused, 0, std::move(port), std::move(filter), {}, {{"verb", std::string(verb)}}};
    event.text = fmt::format("{}: {}", verb, describe(result.error()));
    tell(std::move(event));
    return result;
  }

  Service& inner_;
  Observer observer_;
};

}  // namespace

std::unique_ptr<Service> observe(Service& inner, Observer observer) {
  return std::make_unique<Observed>(inner, std::move(observer));
}

}  // namespace nwf::host
