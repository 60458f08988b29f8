// SPDX-License-Identifier: GPL-2.0-or-later
// Whose addresses are translated, and to what; and ports of the host that lead to guests.
#pragma once

#include <vector>

#include "engine/model/network.h"
#include "engine/ruleset/ruleset.h"

namespace nwf {

/// Adds the nat chains, sets and elements for these networks. `networks` are all that have rules and are up.
void add_nat_rules(const std::vector<const Network*>& networks, Table& table);

}  // namespace nwf
