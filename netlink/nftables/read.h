// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's tables of one name → a ruleset.
#pragma once

#include <cstdint>
#include <string>

#include "engine/backend.h"
#include "netlink/channel.h"

namespace nwf::netlink {

/// The generation the kernel's ruleset is at.
Result<std::uint32_t> read_generation(Channel& channel, std::uint32_t& sequence);

/// Everything in the tables of this name, all of one generation. Rules keep only expressions that nwf knows: a rule
/// somebody else put there differs from every rule of ours. Elements of dynamic sets are left out. With `only`, what
/// Backend::read(ChainNames) says.
Result<Held> read_ruleset(Channel& channel, std::uint32_t& sequence, const std::string& table, const ChainNames* only);

}  // namespace nwf::netlink
