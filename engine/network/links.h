// SPDX-License-Identifier: GPL-2.0-or-later
// A network → what its bridge should be like. Says the end; netlink/ and host/ bring it about.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/model/network.h"

namespace nwf {

struct InterfaceAddress {
  IpAddress address;
  unsigned prefix = 0;
  friend auto operator<=>(const InterfaceAddress&, const InterfaceAddress&) = default;
};

/// A file below /proc/sys and what it should say.
struct Sysctl {
  std::string name;  ///< with slashes: net/ipv6/conf/virbr0/accept_ra
  std::string value;
  friend bool operator==(const Sysctl&, const Sysctl&) = default;
};

struct BridgePlan {
  std::string name;
  Mac mac;
  std::optional<unsigned> mtu;
  bool stp = true;
  unsigned delay_centiseconds = 0;
  friend bool operator==(const BridgePlan&, const BridgePlan&) = default;
};

struct LinkPlan {
  BridgePlan bridge;
  /// Before the bridge has an address: guests must not give the host routes or addresses. Files that are not there (a
  /// kernel without IPv6) are left out.
  std::vector<Sysctl> sysctls;
  std::vector<InterfaceAddress> addresses;
  /// All of the addresses' networks are on the bridge; else only what has a route of its own.
  bool prefix_routes = true;
  std::vector<StaticRoute> routes;
  bool forwarding4 = false;     ///< the host has to forward IPv4
  bool forwarding6 = false;     ///< ... IPv6
  bool isolated_ports = false;  ///< guests do not see each other
};

/// `network` has a bridge name and a MAC address by now.
LinkPlan plan_links(const Network& network);

}  // namespace nwf
