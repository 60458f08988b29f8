// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses for which the kernel answers ARP and neighbour discovery on an interface though they are not its own
// (proxy entries of its neighbour table), and routes to a single address.
#pragma once

#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/model/ip.h"
#include "netlink/route_socket.h"

namespace nwf::netlink {

/// Sorted.
Result<std::vector<IpAddress>> proxies_of(nl_sock* socket, const std::string& interface);
/// One that is there already is fine, and so is one that is not there to be removed, nor its interface.
Result<void> add_proxy(nl_sock* socket, const std::string& interface, const IpAddress& address);
Result<void> remove_proxy(nl_sock* socket, const std::string& interface, const IpAddress& address);

/// Addresses with a route of their own by this interface, without a gateway. Sorted.
Result<std::vector<IpAddress>> host_routes_of(nl_sock* socket, const std::string& interface);
Result<void> add_host_route(nl_sock* socket, const std::string& interface, const IpAddress& address);
Result<void> remove_host_route(nl_sock* socket, const std::string& interface, const IpAddress& address);

}  // namespace nwf::netlink
