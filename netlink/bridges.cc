// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/bridges.h"

#include <fmt/format.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>

#include <algorithm>
#include <cstring>

#include "netlink/handles.h"

namespace nwf::netlink {
namespace {

using Link = std::unique_ptr<rtnl_link, FreeWith<&rtnl_link_put>>;
using NlMessage = std::unique_ptr<nl_msg, FreeWith<&nlmsg_free>>;
using Cache = std::unique_ptr<nl_cache, FreeWith<&nl_cache_free>>;

Result<Cache> links(nl_sock* socket) {
  nl_cache* cache = nullptr;
  if (const int code = rtnl_link_alloc_cache(socket, AF_UNSPEC, &cache); code < 0)
    return route_error(code, "list the network interfaces");
  return Cache(cache);
}

/// Those of one master: the kernel looks through them (linux/net/core/rtnetlink.c, rtnl_dump_ifinfo). One that does not
/// know to lists all.
Result<Cache> links_below(nl_sock* socket, int master) {
  const auto failed = [](int code) { return route_error(code, "list a bridge's ports"); };
  nl_cache* raw = nullptr;
  if (const int code = nl_cache_alloc_name("route/link", &raw); code < 0) return failed(code);
  Cache cache(raw);
  const NlMessage message(nlmsg_alloc_simple(RTM_GETLINK, NLM_F_DUMP));
  ifinfomsg header{};
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  nla_put_u32(message.get(), IFLA_MASTER, static_cast<std::uint32_t>(master));
  if (const int code = nl_send_auto(socket, message.get()); code < 0) return failed(code);
  if (const int code = nl_cache_pickup(socket, cache.get()); code < 0) return failed(code);
  return cache;
}

LinkState state_of(rtnl_link* link) {
  LinkState state;
  state.index = rtnl_link_get_ifindex(link);
  if (const char* kind = rtnl_link_get_type(link)) state.kind = kind;
  if (nl_addr* address = rtnl_link_get_addr(link); address != nullptr && nl_addr_get_len(address) == 6)
    std::memcpy(state.mac.bytes.data(), nl_addr_get_binary_addr(address), 6);
  state.mtu = rtnl_link_get_mtu(link);
  state.up = (rtnl_link_get_flags(link) & IFF_UP) != 0;
  state.master = rtnl_link_get_master(link);
  return state;
}

/// Sends, and waits for the kernel's word on it. nl_send_sync() frees the message in any case.
int send(nl_sock* socket, const NlMessage& message) {
  nlmsg_get(message.get());
  return nl_send_sync(socket, message.get());
}

/// The kernel's own least forward delay with STP (linux/net/bridge/br_private.h: BR_MIN_FORWARD_DELAY).
constexpr unsigned kLeastStpDelay = 200;

/// What one RTM_NEWLINK says of a bridge. libnl has no setters for the timers and STP.
struct BridgeMessage {
  std::optional<Mac> mac;
  std::optional<unsigned> mtu;
  std::optional<unsigned> delay_centiseconds;
  std::optional<bool> stp;
};

Result<void> send_bridge(nl_sock* socket, const std::string& name, int flags, const BridgeMessage& what) {
  const NlMessage message(nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_REQUEST | flags));
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  nla_put_string(message.get(), IFLA_IFNAME, name.c_str());
  if (what.mac) nla_put(message.get(), IFLA_ADDRESS, 6, what.mac->bytes.data());
  if (what.mtu) nla_put_u32(message.get(), IFLA_MTU, *what.mtu);
  nlattr* info = nla_nest_start(message.get(), IFLA_LINKINFO);
  nla_put_string(message.get(), IFLA_INFO_KIND, "bridge");
  nlattr* data = nla_nest_start(message.get(), IFLA_INFO_DATA);
  // The kernel looks at the delay before it looks at STP, and refuses a short one while STP is on.
  if (what.delay_centiseconds) nla_put_u32(message.get(), IFLA_BR_FORWARD_DELAY, *what.delay_centiseconds);
  if (what.stp) nla_put_u32(message.get(), IFLA_BR_STP_STATE, *what.stp ? 1 : 0);
  nla_nest_end(message.get(), data);
  nla_nest_end(message.get(), info);
  if (const int code = send(socket, message); code < 0) return route_error(code, fmt::format("make bridge {}", name));
  return {};
}

}  // namespace

Result<std::optional<LinkState>> find_link(nl_sock* socket, const std::string& name) {
  rtnl_link* raw = nullptr;
  const int code = rtnl_link_get_kernel(socket, 0, name.c_str(), &raw);
  if (code == -NLE_OBJ_NOTFOUND || code == -NLE_NODEV) return std::optional<LinkState>{};
  if (code < 0) return route_error(code, fmt::format("find interface {}", name));
  const Link link(raw);
  return std::optional<LinkState>{state_of(link.get())};
}

Result<void> add_bridge(nl_sock* socket, const BridgePlan& plan) {
  return send_bridge(socket, plan.name, NLM_F_CREATE | NLM_F_EXCL,
                     {plan.mac, plan.mtu, plan.delay_centiseconds, plan.stp});
}

Result<void> change_bridge(nl_sock* socket, const BridgePlan& plan) {
  NWF_CHECK(send_bridge(socket, plan.name, 0, {{}, plan.mtu, {}, plan.stp}));
  const unsigned delay = plan.stp ? std::max(plan.delay_centiseconds, kLeastStpDelay) : plan.delay_centiseconds;
  return send_bridge(socket, plan.name, 0, {{}, {}, delay, {}});
}

Result<void> set_link_up(nl_sock* socket, const std::string& name, bool up) {
  const NlMessage message(nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_REQUEST));
  ifinfomsg header{};
  header.ifi_change = IFF_UP;
  header.ifi_flags = up ? IFF_UP : 0;
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  nla_put_string(message.get(), IFLA_IFNAME, name.c_str());
  if (const int code = send(socket, message); code < 0)
    return route_error(code, fmt::format("bring {} {}", name, up ? "up" : "down"));
  return {};
}

Result<void> remove_link(nl_sock* socket, const std::string& name) {
  const NlMessage message(nlmsg_alloc_simple(RTM_DELLINK, NLM_F_REQUEST));
  ifinfomsg header{};
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  nla_put_string(message.get(), IFLA_IFNAME, name.c_str());
  const int code = send(socket, message);
  if (code < 0 && code != -NLE_NODEV && code != -NLE_OBJ_NOTFOUND)
    return route_error(code, fmt::format("remove {}", name));
  return {};
}

Result<std::vector<std::string>> bridge_ports(nl_sock* socket, const std::string& bridge) {
  NWF_TRY(const auto found, find_link(socket, bridge));
  std::vector<std::string> ports;
  if (!found) return ports;
  NWF_TRY(const Cache cache, links_below(socket, found->index));
  for (nl_object* object = nl_cache_get_first(cache.get()); object != nullptr; object = nl_cache_get_next(object)) {
    auto* link = reinterpret_cast<rtnl_link*>(object);
    if (rtnl_link_get_master(link) == found->index) ports.emplace_back(rtnl_link_get_name(link));
  }
  std::sort(ports.begin(), ports.end());
  return ports;
}

Result<std::vector<std::string>> link_names(nl_sock* socket) {
  NWF_TRY(const Cache cache, links(socket));
  std::vector<std::string> names;
  for (nl_object* object = nl_cache_get_first(cache.get()); object != nullptr; object = nl_cache_get_next(object))
    names.emplace_back(rtnl_link_get_name(reinterpret_cast<rtnl_link*>(object)));
  return names;
}

Result<void> make_port(nl_sock* socket, const std::string& port, const std::string& bridge) {
  NWF_TRY(const auto master, find_link(socket, bridge));
  NWF_TRY(const auto slave, find_link(socket, port));
  if (!master || !slave)
    return fail(ErrorKind::NotFound, fmt::format("there is no interface {}", master ? port : bridge));
  if (const int code = rtnl_link_enslave_ifindex(socket, master->index, slave->index); code < 0)
    return route_error(code, fmt::format("make {} a port of {}", port, bridge));
  return {};
}

Result<void> isolate_port(nl_sock* socket, const std::string& port, bool isolated) {
  NWF_TRY(const auto link, find_link(socket, port));
  if (!link) return fail(ErrorKind::NotFound, fmt::format("there is no interface {}", port));
  const NlMessage message(nlmsg_alloc_simple(RTM_SETLINK, NLM_F_REQUEST));
  ifinfomsg header{};
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = link->index;
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  nlattr* info = nla_nest_start(message.get(), IFLA_PROTINFO | NLA_F_NESTED);
  nla_put_u8(message.get(), IFLA_BRPORT_ISOLATED, isolated ? 1 : 0);
  nla_nest_end(message.get(), info);
  if (const int code = send(socket, message); code < 0) return route_error(code, fmt::format("isolate port {}", port));
  return {};
}

}  // namespace nwf::netlink
