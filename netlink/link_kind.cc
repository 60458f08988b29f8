// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/link_kind.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <array>
#include <string_view>

#include "netlink/handles.h"

namespace nwf::netlink {
namespace {

int find_kind(const nlattr* attribute, void* found) {
  if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
    *static_cast<bool*>(found) = std::string_view(mnl_attr_get_str(attribute)) == "tun";
  return MNL_CB_OK;
}

int find_link_info(const nlattr* attribute, void* found) {
  if (mnl_attr_get_type(attribute) == IFLA_LINKINFO) mnl_attr_parse_nested(attribute, find_kind, found);
  return MNL_CB_OK;
}

}  // namespace

bool is_tap(const PortName& port) {
  const MnlSocket socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (socket == nullptr || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) return false;
  std::array<char, 32768> buffer{};
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETLINK;
  request->nlmsg_flags = NLM_F_REQUEST;
  request->nlmsg_seq = 1;
  mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg));
  mnl_attr_put_strz(request, IFLA_IFNAME, port.text().c_str());
  if (mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0) return false;
  const ssize_t got = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
  if (got < 0) return false;
  const auto* reply = reinterpret_cast<const nlmsghdr*>(buffer.data());
  bool found = false;
  if (mnl_nlmsg_ok(reply, static_cast<int>(got)) && reply->nlmsg_type == RTM_NEWLINK)
    mnl_attr_parse(reply, sizeof(ifinfomsg), find_link_info, &found);
  return found;
}

}  // namespace nwf::netlink
