// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/legacy_layer.h"

#include <fmt/format.h>

namespace nwf::host {

Result<void> LegacyLayer::recall() {
  NWF_TRY(record_, read_record(store_, kPortsRecord));
  return {};
}

Result<void> LegacyLayer::note(const legacy::Tables& coming) {
  if (!add_names(coming, *record_)) return {};
  return write();
}

template <class T>
Result<T> LegacyLayer::kept(Result<T> done, const legacy::Names& known) {
  if (done || done.error().kind != ErrorKind::Refused) return done;
  record_->names = known;
  NWF_CHECK(write());
  return done;
}

Result<void> LegacyLayer::begin(bool classic) {
  NWF_TRY(const legacy::Support support, kernel_.support());
  if (support.ip4 == Probe::Unknown)
    return fail(ErrorKind::Denied, "the kernel does not show iptables' tables",
                "run as root, or with CAP_NET_ADMIN and CAP_NET_RAW");
  if (support.ip4 != Probe::Yes || support.ip6 != Probe::Yes)
    return fail(
        ErrorKind::Unsupported,
        fmt::format("this kernel has no table 'filter' of {}", support.ip4 == Probe::Yes ? "ip6tables" : "iptables"),
        "load the modules iptable_filter and ip6table_filter, or use the nftables backend");
  if (!record_) record_.emplace();
  record_->layout = {classic, support.ethernet == Probe::Yes};
  return write();
}

Result<void> LegacyLayer::enforce() {
  record_->in_force = true;
  return write();
}

legacy::Tables LegacyLayer::closed(const PortName& port) const { return legacy::closed_port(port, record_->layout); }

Result<legacy::Tables> LegacyLayer::tables_of(const Binding& binding, Programs& programs) const {
  NWF_TRY(const Placement placement, programs.place(binding));
  if (placement.program->plain == nullptr) return legacy::Tables{};
  return legacy::port_tables(*placement.program->plain, binding.port, placement.variables, record_->layout);
}

Result<std::map<legacy::TableId, legacy::IpTable>> LegacyLayer::between(const PortChange& change, Programs& programs,
                                                                        const legacy::Tables& from,
                                                                        const legacy::Tables& to) const {
  // A port that nobody guards yet, or no longer: whatever it has is more than nothing.
  if (!change.before) return to.ip;
  if (!change.after || from.ip == to.ip) return from.ip;
  // The drops of a closed port are all that it needs, in whichever layer they are.
  if (from == closed(change.before->port)) return record_->layout.ethernet ? to.ip : from.ip;
  if (to == closed(change.after->port)) return record_->layout.ethernet ? from.ip : to.ip;
  NWF_TRY(const Placement had, programs.place(*change.before));
  return legacy::both_inet_layers(from, to, *had.program->plain, change.before->port, had.variables);
}

bool LegacyLayer::same_in_nftables(const PortChange& change, Programs& before, Programs& after) {
  if (!change.before || !change.after) return false;
  const auto had = before.place(*change.before), has = after.place(*change.after);
  return had && has && had->program->hash == has->program->hash && had->variables == has->variables;
}

Result<LegacyLayer::Step> LegacyLayer::step(const std::vector<PortChange>& ports, Programs& before,
                                            Programs& after) const {
  Step step;
  legacy::Tables meanwhile;
  for (const PortChange& change : ports) {
    legacy::Tables from, to;
    if (change.before) {
      auto had = tables_of(*change.before, before);
      from = had ? std::move(*had) : closed(change.before->port);
    }
    if (change.after) {
      auto made = tables_of(*change.after, after);
      // A port that is closed already has nothing to lose by staying so.
      const bool was_closed = change.before && from == closed(change.before->port);
      if (!made && !was_closed) return fail(std::move(made).error().at(change.after->source));
      to = made ? std::move(*made) : closed(change.after->port);
    }
    if (from == to) continue;
    bool both = from.ip != to.ip && from.ethernet != to.ethernet;
    if (!record_->layout.ethernet && from.ip != to.ip) both = !same_in_nftables(change, before, after);
    legacy::Tables held;
    held.ip = to.ip;
    if (both) {
      NWF_TRY(held.ip, between(change, before, from, to));
      step.mixed = step.mixed || (change.before && change.after);
    }
    legacy::add(from, step.before);
    legacy::add(held, meanwhile);
    legacy::add(to, step.after);
  }
  step.between = std::move(meanwhile.ip);
  return step;
}

Result<void> LegacyLayer::apply(const legacy::Tables& from, const legacy::Tables& to) {
  if (from == to) return {};
  const legacy::Names known = record_->names;
  NWF_CHECK(note(to));
  NWF_TRY(const legacy::Names gone, kept(kernel_.apply(from, to, known), known));
  // From now on a chain of that name is somebody else's.
  bool any = false;
  for (const auto& [id, names] : gone)
    for (const std::string& name : names) any = record_->names[id].erase(name) > 0 || any;
  return any ? write() : Result<void>{};
}

Result<void> LegacyLayer::begin_step(const Step& step, const std::function<void()>& let_packets_leave) {
  const legacy::Tables guarded{step.between, step.before.ethernet}, changed{step.between, step.after.ethernet};
  NWF_CHECK(apply(step.before, guarded));
  if (step.mixed) let_packets_leave();
  auto done = apply(guarded, changed);
  if (done) return {};
  NWF_CHECK(apply(guarded, step.before));
  return done;
}

Result<void> LegacyLayer::finish_step(const Step& step, const std::function<void()>& let_packets_leave) {
  if (step.mixed) let_packets_leave();
  return apply({step.between, step.after.ethernet}, step.after);
}

Result<void> LegacyLayer::undo(const Step& step) {
  NWF_CHECK(apply({step.between, step.after.ethernet}, {step.between, step.before.ethernet}));
  return apply({step.between, step.before.ethernet}, step.before);
}

legacy::Tables LegacyLayer::wanted(const std::vector<Binding>& bindings, Programs& programs) const {
  legacy::Tables all;
  for (const Binding& binding : bindings) {
    auto tables = tables_of(binding, programs);
    legacy::add(tables ? *tables : closed(binding.port), all);
  }
  return all;
}

Result<std::size_t> LegacyLayer::reconcile(const std::vector<Binding>& bindings, Programs& programs) {
  const legacy::Tables tables = wanted(bindings, programs);
  const legacy::Names known = record_->names;
  NWF_CHECK(note(tables));
  NWF_TRY(const std::size_t changes, kept(kernel_.make_exact(tables, known), known));
  legacy::Names names;
  for (const auto& [id, chains] : legacy::chain_names(tables)) names[id] = {chains.begin(), chains.end()};
  if (names == record_->names) return changes;
  record_->names = std::move(names);
  NWF_CHECK(write());
  return changes;
}

Result<std::vector<std::string>> LegacyLayer::differences(const std::vector<Binding>& bindings, Programs& programs) {
  return kernel_.differences(wanted(bindings, programs), record_->names);
}

Result<void> LegacyLayer::leave() {
  NWF_CHECK(kernel_.make_exact({}, record_->names));
  record_.reset();
  return store_.remove(store::Shelf::State, kPortsRecord);
}

}  // namespace nwf::host
