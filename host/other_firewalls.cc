// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/other_firewalls.h"

#include <fmt/format.h>

#include <algorithm>

#include "host/cooperation.h"

namespace nwf::host {
namespace {

using store::Shelf;

/// There are rules of ours in others' chains, or may be.
constexpr const char* kCooperating = "networks-cooperating";
/// The zone that libvirt brings along: DHCP, DNS and little else of the host, and everything beyond it.
constexpr const char* kUsualZone = "libvirt";

std::string zone_document(const Network& network) { return "zone." + network.name; }

bool asks_for_zone(const Network& network) {
  return has_own_bridge(network.mode()) && (network.cooperates || !network.bridge.zone.empty());
}

bool any_cooperates(const std::vector<Network>& networks) {
  return std::any_of(networks.begin(), networks.end(), [](const Network& network) { return network.cooperates; });
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Empty when there is none for it.
Result<std::string> zone_for(const Network& network, Zones& zones) {
  if (!asks_for_zone(network)) return std::string();
  NWF_TRY(const auto names, zones.names());
  const std::string zone = network.bridge.zone.empty() ? kUsualZone : network.bridge.zone;
  return contains(names, zone) ? zone : std::string();
}

}  // namespace

bool tells_others(const Network& network) { return network.cooperates || asks_for_zone(network); }

Result<void> OtherFirewalls::check(const Network& network) {
  if (!asks_for_zone(network)) return {};
  const std::string& asked = network.bridge.zone;
  NWF_TRY(const auto found, zones());
  if (!found && asked.empty()) return {};
  if (!found)
    return fail(ErrorKind::Refused,
                fmt::format("network '{}' asks for zone '{}', but firewalld does not run", network.name, asked),
                "start firewalld, or remove zone from <bridge>");
  NWF_TRY(const std::string zone, zone_for(network, *found));
  NWF_TRY(const std::string now, found->of(network.bridge.name));
  NWF_TRY(const auto ours, store_.get(Shelf::State, zone_document(network)));
  const bool elsewhere = !now.empty() && now != ours;
  if (elsewhere && (asked.empty() || asked == now)) return {};
  if (zone.empty()) {
    NWF_TRY(const auto names, found->names());
    return fail(ErrorKind::Refused,
                fmt::format("network '{}' needs zone '{}', which firewalld does not have", network.name,
                            asked.empty() ? kUsualZone : asked),
                fmt::format("name one of its zones, <bridge zone='…'/>: {}", fmt::join(names, ", ")));
  }
  if (elsewhere)
    return fail(ErrorKind::Refused,
                fmt::format("network '{}' asks for zone '{}', but bridge {} is in firewalld's zone '{}'", network.name,
                            zone, network.bridge.name, now),
                fmt::format("firewall-cmd --zone={} --remove-interface={}", now, network.bridge.name));
  return {};
}

Result<std::unique_ptr<Zones>> OtherFirewalls::zones() const { return find_ ? find_() : std::unique_ptr<Zones>(); }

Result<bool> OtherFirewalls::has_told() {
  NWF_TRY(const auto told, store_.get(Shelf::State, kCooperating));
  return told.has_value();
}

Result<std::size_t> OtherFirewalls::tell(const std::vector<Network>& up) {
  const bool any = any_cooperates(up);
  NWF_TRY(const bool told, has_told());
  if (!any && !told) return 0;
  if (!told) NWF_CHECK(store_.put(Shelf::State, kCooperating, ""));
  NWF_TRY(const std::size_t changes, cooperate(up));
  if (!any) NWF_CHECK(store_.remove(Shelf::State, kCooperating));
  return changes;
}

Result<void> OtherFirewalls::enter_zone(const Network& network) {
  NWF_TRY(const auto before, store_.get(Shelf::State, zone_document(network)));
  if (!before && !asks_for_zone(network)) return {};
  NWF_TRY(const auto found, zones());
  if (!found) return {};  // when it comes, its rules do: then somebody looks again
  NWF_TRY(const std::string zone, zone_for(network, *found));
  if (before && *before != zone) NWF_CHECK(leave_zone(network));
  if (zone.empty()) return {};
  NWF_TRY(const std::string now, found->of(network.bridge.name));
  if (!now.empty()) return {};  // in it already, or where the administrator wants it
  NWF_CHECK(store_.put(Shelf::State, zone_document(network), zone));
  return found->add(zone, network.bridge.name);
}

Result<void> OtherFirewalls::leave_zone(const Network& network) {
  NWF_TRY(const auto zone, store_.get(Shelf::State, zone_document(network)));
  if (!zone) return {};
  NWF_TRY(const auto found, zones());
  if (found) {
    NWF_TRY(const std::string now, found->of(network.bridge.name));
    if (now == *zone) NWF_CHECK(found->remove(*zone, network.bridge.name));
  }
  return store_.remove(Shelf::State, zone_document(network));
}

Result<std::vector<std::string>> OtherFirewalls::differences(const std::vector<Network>& up) {
  NWF_TRY(const bool told, has_told());
  std::vector<std::string> words;
  if (told || any_cooperates(up)) {
    NWF_TRY(words, cooperation_differences(up));
  }
  if (std::none_of(up.begin(), up.end(), asks_for_zone)) return words;
  NWF_TRY(const auto found, zones());
  if (!found) return words;
  for (const Network& network : up) {
    NWF_TRY(const std::string zone, zone_for(network, *found));
    if (zone.empty()) continue;
    NWF_TRY(const std::string now, found->of(network.bridge.name));
    if (now.empty()) words.push_back(fmt::format("network {} is not in firewalld's zone {}", network.name, zone));
  }
  return words;
}

}  // namespace nwf::host
