// SPDX-License-Identifier: GPL-2.0-or-later
// Which networks decide what chains and sets there are.
//
// Most networks only bring elements to a table that is there for others of their kind already, and those elements do
// not depend on the others. So what a network changes can be told from it and the few that shape the table.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/model/network.h"
#include "engine/ruleset/ruleset.h"

namespace nwf {

/// Chains and definitions of sets alone.
Ruleset without_elements(Ruleset ruleset);

/// Chains or sets for `shaping` change when this network comes to them. Peers always shape: what they bring depends on
/// each other.
bool shapes(const Network& network, const std::vector<Network>& shaping);

/// Names of networks of `up` whose chains and sets are those of all of `up`.
std::set<std::string> shape_of(const std::vector<Network>& up);

}  // namespace nwf
