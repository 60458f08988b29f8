// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/order.h"

#include <algorithm>

namespace nwf {
namespace {

bool in_root(const FlatRule& rule) { return rule.owner->chain == "root"; }

bool concerns(const FlatRule& rule, Direction direction) {
  return rule.rule->direction == Direction::InOut || rule.rule->direction == direction;
}

}  // namespace

std::vector<const FlatRule*> in_order(const std::vector<FlatRule>& rules) {
  std::vector<const FlatRule*> sorted;
  sorted.reserve(rules.size());
  for (const FlatRule& rule : rules) sorted.push_back(&rule);
  std::stable_sort(sorted.begin(), sorted.end(), [](const FlatRule* a, const FlatRule* b) {
    if (in_root(*a) != in_root(*b)) return in_root(*a);
    return a->rule->priority < b->rule->priority;
  });
  return sorted;
}

EthernetOrder ethernet_order(const std::vector<FlatRule>& rules, Direction direction) {
  EthernetOrder order;
  std::vector<const FlatRule*> root;
  std::map<std::string, int> priorities;
  for (const FlatRule* rule : in_order(rules)) {
    if (layer_of(rule->rule->protocol) != Layer::Ethernet || !concerns(*rule, direction)) continue;
    if (in_root(*rule)) {
      root.push_back(rule);
      continue;
    }
    order.chains[rule->owner->chain].push_back(rule);
    priorities[rule->owner->chain] = rule->chain_priority;
  }
  std::vector<std::pair<int, std::string>> jumps;
  jumps.reserve(priorities.size());
  for (const auto& [chain, priority] : priorities) jumps.emplace_back(priority, chain);
  std::stable_sort(jumps.begin(), jumps.end(), [](const auto& a, const auto& b) { return a.first < b.first; });

  std::size_t next = 0;
  for (const FlatRule* rule : root) {
    while (next < jumps.size() && jumps[next].first <= rule->rule->priority)
      order.root.push_back({nullptr, jumps[next++].second});
    order.root.push_back({rule, {}});
  }
  while (next < jumps.size()) order.root.push_back({nullptr, jumps[next++].second});
  return order;
}

}  // namespace nwf
