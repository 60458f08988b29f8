// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/bridge_port.h"

#include <fmt/format.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "netlink/handles.h"

namespace nwf::netlink {
namespace {

Result<unsigned> index_of(const PortName& name) {
  const unsigned index = ::if_nametoindex(name.text().c_str());
  if (index == 0) return fail(ErrorKind::NotFound, fmt::format("there is no interface {}", name.text()));
  return index;
}

}  // namespace

Result<void> join_bridge(const PortName& port, const PortName& bridge) {
  NWF_TRY(const unsigned index, index_of(port));
  NWF_TRY(const unsigned master, index_of(bridge));
  const auto failed = [&] {
    const int error = errno;
    return fail(error == EPERM ? ErrorKind::Denied : ErrorKind::Kernel,
                fmt::format("cannot make {} a port of {}: {}", port.text(), bridge.text(), std::strerror(error)));
  };
  const MnlSocket socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (socket == nullptr || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) return failed();
  std::array<char, 8192> buffer{};
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = RTM_NEWLINK;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  message->nlmsg_seq = 1;
  auto* link = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg)));
  link->ifi_family = AF_UNSPEC;
  link->ifi_index = static_cast<int>(index);
  link->ifi_flags = link->ifi_change = IFF_UP;
  mnl_attr_put_u32(message, IFLA_MASTER, master);
  if (mnl_socket_sendto(socket.get(), message, message->nlmsg_len) < 0) return failed();
  const ssize_t got = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
  if (got < 0) return failed();
  if (mnl_cb_run(buffer.data(), static_cast<std::size_t>(got), 1, mnl_socket_get_portid(socket.get()), nullptr,
                 nullptr) < 0)
    return failed();
  return {};
}

}  // namespace nwf::netlink
