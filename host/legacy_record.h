// SPDX-License-Identifier: GPL-2.0-or-later
// What nwf has made in the legacy tables of this boot and network namespace, by the names of its chains.
//
// Written before a chain is made, so that after a crash nothing of nwf's is taken for somebody else's.
#pragma once

#include <optional>

#include "engine/legacy/kernel.h"
#include "engine/legacy/port_tables.h"
#include "store/store.h"

namespace nwf::host {

/// Documents of Shelf::State: of ports, and of networks.
inline constexpr const char* kPortsRecord = "legacy-tables";
inline constexpr const char* kNetworksRecord = "legacy-networks";

struct LegacyRecord {
  legacy::Layout layout;
  bool in_force = false;  ///< the legacy tables judge: all that was to be there is there
  legacy::Names names;
};

/// Nothing when there is none, or it is about another boot or namespace, of which nothing is left.
Result<std::optional<LegacyRecord>> read_record(store::Store& store, const char* document);
Result<void> write_record(store::Store& store, const char* document, const LegacyRecord& record);

/// Adds the names of chains that are to come; true when some are new.
bool add_names(const legacy::Tables& coming, LegacyRecord& record);

}  // namespace nwf::host
