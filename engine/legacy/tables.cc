// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/legacy/tables.h"

#include <algorithm>

namespace nwf::legacy {
namespace {

template <class Rule>
void add_table(const Table<Rule>& from, Table<Rule>& to) {
  to.chains.insert(from.chains.begin(), from.chains.end());
  for (const std::string& hub : from.hubs)
    if (std::ranges::find(to.hubs, hub) == to.hubs.end()) to.hubs.push_back(hub);
  // Links at the front lead to hubs: few, and the same for everybody. The others are each port's own.
  for (const Link<Rule>& link : from.links)
    if (link.place == Place::End || std::ranges::find(to.links, link) == to.links.end()) to.links.push_back(link);
}

template <class Rule>
std::vector<std::string> names_of(const Table<Rule>& table) {
  std::vector<std::string> names = table.hubs;
  for (const auto& [name, chain] : table.chains) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

}  // namespace

std::string_view family_name(Family family) {
  switch (family) {
    case Family::Ip4:
      return "ip";
    case Family::Ip6:
      return "ip6";
    case Family::Ethernet:
      return "ethernet";
  }
  return "";
}

bool Tables::empty() const {
  return ethernet.empty() && std::ranges::all_of(ip, [](const auto& table) { return table.second.empty(); });
}

TableId ethernet_table() { return {Family::Ethernet, "nat"}; }

void add(const Tables& from, Tables& to) {
  for (const auto& [id, table] : from.ip) add_table(table, to.ip[id]);
  add_table(from.ethernet, to.ethernet);
}

std::map<TableId, std::vector<std::string>> chain_names(const Tables& tables) {
  std::map<TableId, std::vector<std::string>> names;
  for (const auto& [id, table] : tables.ip) names[id] = names_of(table);
  if (!tables.ethernet.empty()) names[ethernet_table()] = names_of(tables.ethernet);
  return names;
}

}  // namespace nwf::legacy
