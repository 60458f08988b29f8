// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/shape.h"

#include <algorithm>

#include "engine/network/rules.h"

namespace nwf {

Ruleset without_elements(Ruleset ruleset) {
  for (auto& [family, table] : ruleset.tables) table.elements.clear();
  return ruleset;
}

namespace {

bool is_named_by(const Network& network, const std::vector<Network>& others) {
  return std::any_of(others.begin(), others.end(), [&](const Network& other) {
    return std::any_of(other.peers.begin(), other.peers.end(),
                       [&](const Peer& peer) { return peer.network == network.name; });
  });
}

}  // namespace

bool shapes(const Network& network, const std::vector<Network>& shaping) {
  if (!network.peers.empty() || is_named_by(network, shaping)) return true;
  std::vector<Network> more = shaping;
  more.push_back(network);
  return without_elements(network_rules(shaping)) != without_elements(network_rules(more));
}

std::set<std::string> shape_of(const std::vector<Network>& up) {
  std::vector<Network> shaping;
  std::set<std::string> names;
  const auto take = [&](const Network& network) {
    if (names.insert(network.name).second) shaping.push_back(network);
  };
  // Those that name others first, so that whom they name is known.
  for (const Network& network : up)
    if (!network.peers.empty()) take(network);
  for (const Network& network : up)
    if (shapes(network, shaping)) take(network);
  return names;
}

}  // namespace nwf
