// SPDX-License-Identifier: GPL-2.0-or-later
// One socket to rtnetlink: links, addresses, routes. Shows nothing of libnl, which is this room's own.
#pragma once

#include <memory>
#include <string>

#include "engine/error.h"

struct nl_sock;

namespace nwf::netlink {

struct CloseRouteSocket {
  void operator()(nl_sock* socket) const noexcept;
};
using RouteSocket = std::unique_ptr<nl_sock, CloseRouteSocket>;

/// Errors: Denied, Kernel.
Result<RouteSocket> open_route_socket();

/// What a libnl call that gave `code` (negative) could not do. `what`: "add bridge virbr0".
tl::unexpected<Error> route_error(int code, const std::string& what);

}  // namespace nwf::netlink
