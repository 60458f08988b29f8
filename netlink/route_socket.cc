// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/route_socket.h"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace nwf::netlink {
namespace {

/// The kernel answers before the question's call returns. libnl goes on to wait where a question could not be sent at
/// all, and whoever waits holds the store's lock.
constexpr timeval kPatience{2, 0};

}  // namespace

void CloseRouteSocket::operator()(nl_sock* socket) const noexcept { nl_socket_free(socket); }

Result<RouteSocket> open_route_socket() {
  RouteSocket socket(nl_socket_alloc());
  if (socket == nullptr) return fail(ErrorKind::Kernel, "no memory for a netlink socket");
  if (const int code = nl_connect(socket.get(), NETLINK_ROUTE); code < 0) return route_error(code, "open rtnetlink");
  if (::setsockopt(nl_socket_get_fd(socket.get()), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience) != 0)
    return fail(ErrorKind::Kernel, "cannot limit how long an answer of rtnetlink is waited for");
  return socket;
}

tl::unexpected<Error> route_error(int code, const std::string& what) {
  const int kind = code < 0 ? -code : code;
  if (kind == NLE_PERM || kind == NLE_NOACCESS)
    return fail(ErrorKind::Denied, fmt::format("not permitted to {}", what), "run as root, or with CAP_NET_ADMIN");
  if (kind == NLE_EXIST || kind == NLE_BUSY)
    return fail(ErrorKind::Refused, fmt::format("cannot {}: {}", what, nl_geterror(code)));
  if (kind == NLE_OPNOTSUPP || kind == NLE_AF_NOSUPPORT)
    return fail(ErrorKind::Unsupported, fmt::format("this kernel cannot {}: {}", what, nl_geterror(code)));
  return fail(ErrorKind::Kernel, fmt::format("cannot {}: {}", what, nl_geterror(code)));
}

}  // namespace nwf::netlink
