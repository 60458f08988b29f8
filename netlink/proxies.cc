// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/proxies.h"

#include <fmt/format.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include <algorithm>
#include <array>

#include "netlink/addresses.h"
#include "netlink/handles.h"

namespace nwf::netlink {
namespace {

using Message = std::unique_ptr<nl_msg, FreeWith<&nlmsg_free>>;
using Callbacks = std::unique_ptr<nl_cb, FreeWith<&nl_cb_put>>;

struct Found {
  int index;
  std::vector<IpAddress> addresses = {};
};

int take_proxy(nl_msg* message, void* into) {
  auto& found = *static_cast<Found*>(into);
  nlmsghdr* header = nlmsg_hdr(message);
  if (header->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(header, sizeof(ndmsg))) return NL_OK;
  const auto* neighbour = static_cast<const ndmsg*>(nlmsg_data(header));
  if (neighbour->ndm_ifindex != found.index || (neighbour->ndm_flags & NTF_PROXY) == 0) return NL_OK;
  const nlattr* address = nlmsg_find_attr(header, sizeof(ndmsg), NDA_DST);
  const std::size_t size = neighbour->ndm_family == AF_INET6 ? 16 : 4;
  if (address == nullptr || static_cast<std::size_t>(nla_len(address)) != size) return NL_OK;
  const auto* bytes = static_cast<const std::uint8_t*>(nla_data(address));
  found.addresses.push_back(IpAddress::from(Bytes(bytes, bytes + size)));
  return NL_OK;
}

/// Sends one message about one address and waits for the kernel's word.
Result<void> change(nl_sock* socket, const Message& message, const std::string& what, int fine) {
  if (message == nullptr) return fail(ErrorKind::Kernel, "no memory for a message");
  const int code = nl_send_auto(socket, message.get());
  const int answer = code < 0 ? code : nl_wait_for_ack(socket);
  if (answer < 0 && answer != -fine) return route_error(answer, what);
  return {};
}

Message proxy_message(int type, int flags, int index, const IpAddress& address) {
  Message message(nlmsg_alloc_simple(type, flags));
  ndmsg neighbour{};
  neighbour.ndm_family = address.is_ipv6() ? AF_INET6 : AF_INET;
  neighbour.ndm_ifindex = index;
  neighbour.ndm_flags = NTF_PROXY;
  neighbour.ndm_state = NUD_PERMANENT;
  const Bytes bytes = address.bytes();
  if (message != nullptr && (nlmsg_append(message.get(), &neighbour, sizeof neighbour, NLMSG_ALIGNTO) < 0 ||
                             nla_put(message.get(), NDA_DST, static_cast<int>(bytes.size()), bytes.data()) < 0))
    message.reset();
  return message;
}

Message route_message(int type, int flags, int index, const IpAddress& address) {
  Message message(nlmsg_alloc_simple(type, flags));
  rtmsg route{};
  route.rtm_family = address.is_ipv6() ? AF_INET6 : AF_INET;
  route.rtm_dst_len = static_cast<unsigned char>(address.bits());
  route.rtm_table = RT_TABLE_MAIN;
  route.rtm_protocol = RTPROT_STATIC;
  route.rtm_scope = RT_SCOPE_LINK;
  route.rtm_type = RTN_UNICAST;
  const Bytes bytes = address.bytes();
  if (message != nullptr && (nlmsg_append(message.get(), &route, sizeof route, NLMSG_ALIGNTO) < 0 ||
                             nla_put(message.get(), RTA_DST, static_cast<int>(bytes.size()), bytes.data()) < 0 ||
                             nla_put_s32(message.get(), RTA_OIF, index) < 0))
    message.reset();
  return message;
}

Result<int> index_of(const std::string& interface) {
  const unsigned index = if_nametoindex(interface.c_str());
  if (index == 0) return fail(ErrorKind::NotFound, fmt::format("there is no interface {}", interface));
  return static_cast<int>(index);
}

}  // namespace

Result<std::vector<IpAddress>> proxies_of(nl_sock* socket, const std::string& interface) {
  NWF_TRY(const int index, index_of(interface));
  Found found{index};
  for (const int family : {AF_INET, AF_INET6}) {
    // linux/net/core/neighbour.c, neigh_dump_info(): proxy entries are told when the whole header asks for them.
    ndmsg asked{};
    asked.ndm_family = static_cast<unsigned char>(family);
    asked.ndm_flags = NTF_PROXY;
    const std::string what = fmt::format("list the proxy entries of {}", interface);
    if (const int code = nl_send_simple(socket, RTM_GETNEIGH, NLM_F_DUMP, &asked, sizeof asked); code < 0)
      return route_error(code, what);
    const Callbacks callbacks(nl_cb_alloc(NL_CB_DEFAULT));
    if (callbacks == nullptr) return fail(ErrorKind::Kernel, "no memory for a netlink socket");
    nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, take_proxy, &found);
    if (const int code = nl_recvmsgs(socket, callbacks.get()); code < 0) return route_error(code, what);
  }
  std::sort(found.addresses.begin(), found.addresses.end());
  return std::move(found.addresses);
}

Result<void> add_proxy(nl_sock* socket, const std::string& interface, const IpAddress& address) {
  NWF_TRY(const int index, index_of(interface));
  return change(socket, proxy_message(RTM_NEWNEIGH, NLM_F_CREATE, index, address),
                fmt::format("answer for {} on {}", address.text(), interface), NLE_EXIST);
}

Result<void> remove_proxy(nl_sock* socket, const std::string& interface, const IpAddress& address) {
  const auto index = index_of(interface);
  if (!index) return {};
  return change(socket, proxy_message(RTM_DELNEIGH, 0, *index, address),
                fmt::format("answer no more for {} on {}", address.text(), interface), NLE_OBJ_NOTFOUND);
}

Result<std::vector<IpAddress>> host_routes_of(nl_sock* socket, const std::string& interface) {
  NWF_TRY(const auto all, routes(socket));
  std::vector<IpAddress> addresses;
  const int index = interface_index(interface);
  if (index == 0) return addresses;
  for (const RouteState& route : all)
    if (route.link == index && !route.gateway && route.table == RT_TABLE_MAIN &&
        route.to.prefix == route.to.address.bits())
      addresses.push_back(route.to.address);
  std::sort(addresses.begin(), addresses.end());
  return addresses;
}

Result<void> add_host_route(nl_sock* socket, const std::string& interface, const IpAddress& address) {
  NWF_TRY(const int index, index_of(interface));
  return change(socket, route_message(RTM_NEWROUTE, NLM_F_CREATE, index, address),
                fmt::format("add the route to {} by {}", address.text(), interface), NLE_EXIST);
}

Result<void> remove_host_route(nl_sock* socket, const std::string& interface, const IpAddress& address) {
  const auto index = index_of(interface);
  if (!index) return {};
  return change(socket, route_message(RTM_DELROUTE, 0, *index, address),
                fmt::format("remove the route to {}", address.text()), NLE_OBJ_NOTFOUND);
}

}  // namespace nwf::netlink
