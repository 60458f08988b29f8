// SPDX-License-Identifier: GPL-2.0-or-later
// Networks → the ruleset that forwards, protects and translates for them.
//
// The chains name no network: which bridges there are, who may reach whom and whose addresses are translated is all in
// sets, so that a network comes and goes with a handful of elements. Whoever sends is judged before whoever receives:
// a guest that may not leave its network reaches no other network, however open that one is. Interfaces are matched by
// name, so that a bridge made anew is the same bridge.
#pragma once

#include <vector>

#include "engine/model/network.h"
#include "engine/ruleset/ruleset.h"

namespace nwf {

/// The whole table `nwf_networks` for the networks that are up; empty when none of them has rules. What comes out does
/// not depend on their order.
Ruleset network_rules(const std::vector<Network>& networks);

}  // namespace nwf
