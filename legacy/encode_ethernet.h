// SPDX-License-Identifier: GPL-2.0-or-later
// Rules of ebtables as the kernel's structs: linux/netfilter_bridge/ebtables.h struct ebt_entry, and behind it one
// ebt_entry_match for each match.
#pragma once

#include "legacy/edit.h"

namespace nwf::legacy {

/// The bytes end before the target: what the target is depends on where chains lie (ethernet_table.h).
/// Errors: Invalid for a name that the kernel has no room for.
Result<EncodedRule> encode(const EthernetRule& rule);

}  // namespace nwf::legacy
