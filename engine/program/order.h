// SPDX-License-Identifier: GPL-2.0-or-later
// The order in which the ethernet layer's rules and chains stand.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/program/flatten.h"

namespace nwf {

/// Rules in the order libvirt installs them: root-chain rules before all others, each group by priority, rules of
/// equal priority in the order of the text. Inet-layer rules are in the same list: they know no chains.
std::vector<const FlatRule*> in_order(const std::vector<FlatRule>& rules);

/// What stands in a flow's root chain: its own rules, and the jumps to the chains by protocol.
struct RootEntry {
  const FlatRule* rule = nullptr;  ///< nullptr: a jump to `chain`
  std::string chain;
};

struct EthernetOrder {
  std::vector<RootEntry> root;
  std::map<std::string, std::vector<const FlatRule*>> chains;  ///< other than root, each in order
};

/// The ethernet-layer rules of one direction (Out or In), ordered. A jump comes before a root rule of equal
/// priority; chains of equal priority go by name. A chain's priority is that of the filter its last rule is from.
EthernetOrder ethernet_order(const std::vector<FlatRule>& rules, Direction direction);

}  // namespace nwf
