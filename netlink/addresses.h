// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses of interfaces, and routes, through rtnetlink.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/network/links.h"
#include "netlink/route_socket.h"

namespace nwf::netlink {

/// Addresses of an interface, without those that the kernel makes itself (link-local IPv6), sorted.
Result<std::vector<InterfaceAddress>> addresses_of(nl_sock* socket, const std::string& interface);
/// `prefix_route`: the address's network gets a route by this interface.
Result<void> add_address(nl_sock* socket, const std::string& interface, const InterfaceAddress& address,
                         bool prefix_route);
Result<void> remove_address(nl_sock* socket, const std::string& interface, const InterfaceAddress& address);

/// A unicast route of any table.
struct RouteState {
  Subnet to;
  int link = 0;  ///< index of its first next hop's interface; 0: none
  std::optional<IpAddress> gateway;
  std::uint32_t table = 0;
};
Result<std::vector<RouteState>> routes(nl_sock* socket);
/// Empty when there is none, or none any more.
std::string interface_name(int index);
/// 0 when there is none.
int interface_index(const std::string& name);

struct LearnedRoute {
  Subnet to;
  std::string interface;
};
/// IPv6 routes that the kernel itself made from what routers advertised (RTF_ADDRCONF; rtnetlink does not tell).
std::vector<LearnedRoute> learned_routes();
Result<void> add_route(nl_sock* socket, const std::string& interface, const StaticRoute& route);
Result<void> remove_route(nl_sock* socket, const std::string& interface, const StaticRoute& route);

}  // namespace nwf::netlink
