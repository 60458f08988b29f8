// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/legacy_networks.h"

#include "engine/legacy/network_tables.h"
#include "host/legacy_record.h"
#include "legacy/kernel.h"

namespace nwf::host {

LegacyNetworks::LegacyNetworks(store::Store& store) : store_(store), kernel_(legacy::open_kernel()) {}

Result<bool> LegacyNetworks::in_force() const {
  NWF_TRY(const auto ports, read_record(store_, kPortsRecord));
  return ports && ports->in_force;
}

Result<legacy::Tables> LegacyNetworks::wanted(const std::vector<Network>& up, bool checksums) const {
  NWF_TRY(const auto ports, read_record(store_, kPortsRecord));
  return legacy::network_tables(up, ports && ports->layout.classic, checksums);
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
    if (changed || changed.error().kind != ErrorKind::Refused) return changed;
    record->names = known;  // a chain that turned out to be somebody else's
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
