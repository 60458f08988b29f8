// SPDX-License-Identifier: GPL-2.0-or-later
// A mark on what the rules of networks let pass, for other firewalls to key on: their drops come after our accepts.
#pragma once

#include <vector>

#include "engine/model/network.h"
#include "engine/ruleset/ruleset.h"

namespace nwf {

/// Adds the chains, sets and elements for those of these networks that want a mark. `networks` are all that have rules
/// and are up.
void add_accept_marks(const std::vector<const Network*>& networks, Table& table);

}  // namespace nwf
