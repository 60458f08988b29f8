// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/link_table.h"

#include <set>
#include <utility>

namespace nwf::netlink {

using Kind = LinkEvent::Kind;

std::string LinkTable::name_of(int index) const {
  const auto found = links_.find(index);
  return found == links_.end() ? std::string() : found->second.name;
}

std::vector<LinkEvent> LinkTable::put(const Link& link) {
  const auto [place, fresh] = links_.emplace(link.index, link);
  const std::string bridge = name_of(link.master);
  if (fresh) return {{Kind::Appeared, link.name, {}, bridge}};
  std::vector<LinkEvent> events;
  const Link before = std::exchange(place->second, link);
  if (before.name != link.name) events.push_back({Kind::Renamed, link.name, before.name, bridge});
  if (before.master != link.master) events.push_back({Kind::Moved, link.name, name_of(before.master), bridge});
  return events;
}

std::vector<LinkEvent> LinkTable::remove(int index) {
  const auto found = links_.find(index);
  if (found == links_.end()) return {};
  const LinkEvent event{Kind::Gone, found->second.name, {}, name_of(found->second.master), found->second.kind};
  links_.erase(found);
  return {event};
}

std::vector<LinkEvent> LinkTable::replace(const std::vector<Link>& all) {
  std::set<int> there;
  for (const Link& link : all) there.insert(link.index);
  std::vector<LinkEvent> events;
  // First what went: a new interface may have an old one's name.
  for (auto at = links_.begin(); at != links_.end();) {
    const int index = (at++)->first;
    if (there.contains(index)) continue;
    for (LinkEvent& event : remove(index)) events.push_back(std::move(event));
  }
  // Names of bridges are needed for the ports in them, whatever the order.
  for (const Link& link : all)
    if (const auto known = links_.find(link.index); known != links_.end() && known->second.name != link.name) {
      events.push_back({Kind::Renamed, link.name, known->second.name, {}});
      known->second.name = link.name;
    }
  for (const Link& link : all)
    for (LinkEvent& event : put(link)) events.push_back(std::move(event));
  return events;
}

}  // namespace nwf::netlink
