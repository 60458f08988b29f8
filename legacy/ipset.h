// SPDX-License-Identifier: GPL-2.0-or-later
// The numbers that the kernel knows ipsets by: linux/netfilter/ipset/ip_set.h.
#pragma once

#include <cstdint>
#include <string>

#include "engine/error.h"

namespace nwf::legacy {

/// Errors: NotFound when there is no set of this name; Unsupported without ipset.
Result<std::uint16_t> ipset_index(const std::string& name);

}  // namespace nwf::legacy
