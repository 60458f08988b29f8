// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/legacy_networks.h"

#include "engine/legacy/network_tables.h"
#include "host/legacy_record.h"
#include "legacy/kernel.h"

namespace nwf::host {

LegacyNetworks::LegacyNetworks(store::Store& store) : store_(store), kernel_(legacy::open_kernel()) {}

Result<BackendChoice> LegacyNetworks::choice() const {
  NWF_TRY(const auto ports, read_record(store_, kPortsRecord));
  if (ports && ports->in_force) return BackendChoice{true, ports->layout.classic};
  // No port is bound yet, as after a boot: as it will be.
  return read_backend(store_);
}

Result<bool> LegacyNetworks::in_force() const {
  NWF_TRY(const BackendChoice choice, this->choice());
  return choice.legacy;
}

Result<legacy::Tables> LegacyNetworks::wanted(const std::vector<Network>& up, bool checksums) const {
  NWF_TRY(const BackendChoice choice, this->choice());
  return legacy::network_tables(up, choice.classic, checksums);
}

Result<std::size_t> LegacyNetworks::apply(const std::vector<Network>& up) {
  NWF_TRY(auto record, read_record(store_, kNetworksRecord));
  if (up.empty() && !record) return 0;
  if (!record) record.emplace();
  const auto bring = [&](bool checksums) -> Result<std::size_t> {
    NWF_TRY(const legacy::Tables tables, wanted(up, checksums));
    const legacy::Names known = record->names;
    record->in_force = checksums;
    add_names(tables, *record);
    NWF_CHECK(write_record(store_, kNetworksRecord, *record));
    auto changed = kernel_->make_exact(tables, known);
    if (changed) return changed;
    const ErrorKind why = changed.error().kind;
    if (why != ErrorKind::Refused && why != ErrorKind::Unsupported) return changed;
    record->names = known;  // a chain that turned out to be somebody else's, or a table that is not there
    NWF_CHECK(write_record(store_, kNetworksRecord, *record));
    return changed;
  };
  auto done = bring(true);
  // Guests' DHCP clients take answers without it, too, but for very old ones.
  if (!done && done.error().kind == ErrorKind::Unsupported) done = bring(false);
  return done;
}

Result<std::vector<std::string>> LegacyNetworks::differences(const std::vector<Network>& up) {
  NWF_TRY(const auto record, read_record(store_, kNetworksRecord));
  if (up.empty() && !record) return std::vector<std::string>{};
  NWF_TRY(const legacy::Tables tables, wanted(up, !record || record->in_force));
  return kernel_->differences(tables, record ? record->names : legacy::Names{});
}

Result<void> LegacyNetworks::leave() {
  NWF_TRY(const auto record, read_record(store_, kNetworksRecord));
  if (!record) return {};
  NWF_CHECK(kernel_->make_exact({}, record->names));
  return store_.remove(store::Shelf::State, kNetworksRecord);
}

}  // namespace nwf::host
