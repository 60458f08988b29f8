// SPDX-License-Identifier: GPL-2.0-or-later
// The set in which the kernel counts dropped packets, read.
#pragma once

#include <string>
#include <vector>

#include "engine/ruleset/drops.h"
#include "netlink/channel.h"

namespace nwf::netlink {

/// Nothing when there is no such set. One read need not be of one instant: packets go on being counted.
Result<std::vector<CountedDrops>> read_drops(Channel& channel, std::uint32_t& sequence, const std::string& table);

}  // namespace nwf::netlink
