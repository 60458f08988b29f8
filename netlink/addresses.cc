// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/addresses.h"

#include <fmt/format.h>
#include <linux/ipv6_route.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/cache.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "netlink/handles.h"

namespace nwf::netlink {
namespace {

using Cache = std::unique_ptr<nl_cache, FreeWith<&nl_cache_free>>;
using Address = std::unique_ptr<nl_addr, FreeWith<&nl_addr_put>>;
using RtAddress = std::unique_ptr<rtnl_addr, FreeWith<&rtnl_addr_put>>;
using Route = std::unique_ptr<rtnl_route, FreeWith<&rtnl_route_put>>;

Address address_of(const IpAddress& address, unsigned prefix) {
  const Bytes bytes = address.bytes();
  Address made(nl_addr_build(address.is_ipv6() ? AF_INET6 : AF_INET, bytes.data(), bytes.size()));
  if (made != nullptr) nl_addr_set_prefixlen(made.get(), static_cast<int>(prefix));
  return made;
}

/// Nothing for what is not of IP.
std::optional<IpAddress> ip_of(const nl_addr* address, int family) {
  const std::size_t size = family == AF_INET6 ? 16 : 4;
  if (family != AF_INET && family != AF_INET6) return std::nullopt;
  // The address of a default route has no bytes.
  if (address == nullptr || nl_addr_get_len(address) != size) return IpAddress::from(Bytes(size));
  const auto* bytes = static_cast<const std::uint8_t*>(nl_addr_get_binary_addr(address));
  return IpAddress::from(Bytes(bytes, bytes + size));
}

Result<RtAddress> make_address(const std::string& interface, const InterfaceAddress& address) {
  RtAddress made(rtnl_addr_alloc());
  const Address local = address_of(address.address, address.prefix);
  const unsigned index = if_nametoindex(interface.c_str());
  if (made == nullptr || local == nullptr) return fail(ErrorKind::Kernel, "no memory for an address");
  if (index == 0) return fail(ErrorKind::NotFound, fmt::format("there is no interface {}", interface));
  rtnl_addr_set_ifindex(made.get(), static_cast<int>(index));
  rtnl_addr_set_local(made.get(), local.get());
  rtnl_addr_set_prefixlen(made.get(), static_cast<int>(address.prefix));
  if (!address.address.is_ipv6() && address.prefix < 31) {
    const Address broadcast = address_of(Subnet::of(address.address, address.prefix).last(), 32);
    rtnl_addr_set_broadcast(made.get(), broadcast.get());
  }
  return made;
}

Result<Route> make_route(const std::string& interface, const StaticRoute& route) {
  Route made(rtnl_route_alloc());
  const Address to = address_of(route.to.address, route.to.prefix),
                gateway = address_of(route.gateway, route.gateway.bits());
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  const unsigned index = if_nametoindex(interface.c_str());
  if (made == nullptr || to == nullptr || gateway == nullptr || hop == nullptr)
    return fail(ErrorKind::Kernel, "no memory for a route");
  rtnl_route_nh_set_ifindex(hop, static_cast<int>(index));
  rtnl_route_nh_set_gateway(hop, gateway.get());
  rtnl_route_add_nexthop(made.get(), hop);  // takes it over
  rtnl_route_set_family(made.get(), route.to.is_ipv6() ? AF_INET6 : AF_INET);
  rtnl_route_set_dst(made.get(), to.get());
  rtnl_route_set_table(made.get(), RT_TABLE_MAIN);
  rtnl_route_set_scope(made.get(), RT_SCOPE_UNIVERSE);
  rtnl_route_set_protocol(made.get(), RTPROT_STATIC);
  return made;
}

}  // namespace

std::string interface_name(int index) {
  std::array<char, IF_NAMESIZE> name{};
  return if_indextoname(static_cast<unsigned>(index), name.data()) == nullptr ? "" : name.data();
}

int interface_index(const std::string& name) { return static_cast<int>(if_nametoindex(name.c_str())); }

Result<std::vector<InterfaceAddress>> addresses_of(nl_sock* socket, const std::string& interface) {
  nl_cache* raw = nullptr;
  if (const int code = rtnl_addr_alloc_cache(socket, &raw); code < 0)
    return route_error(code, fmt::format("list the addresses of {}", interface));
  const Cache cache(raw);
  const int index = interface_index(interface);
  std::vector<InterfaceAddress> found;
  for (nl_object* object = nl_cache_get_first(cache.get()); object != nullptr; object = nl_cache_get_next(object)) {
    auto* address = reinterpret_cast<rtnl_addr*>(object);
    if (rtnl_addr_get_ifindex(address) != index) continue;
    const auto ip = ip_of(rtnl_addr_get_local(address), rtnl_addr_get_family(address));
    if (!ip || rtnl_addr_get_scope(address) == RT_SCOPE_LINK) continue;
    found.push_back({*ip, static_cast<unsigned>(rtnl_addr_get_prefixlen(address))});
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<void> add_address(nl_sock* socket, const std::string& interface, const InterfaceAddress& address,
                         bool prefix_route) {
  NWF_TRY(const RtAddress made, make_address(interface, address));
  // A bridge has no port yet when it gets its address: IPv6 would wait for the answer of nobody.
  unsigned flags = address.address.is_ipv6() ? IFA_F_NODAD : 0U;
  if (!prefix_route) flags |= IFA_F_NOPREFIXROUTE;
  if (flags != 0) rtnl_addr_set_flags(made.get(), flags);
  const int code = rtnl_addr_add(socket, made.get(), 0);
  if (code < 0 && code != -NLE_EXIST)
    return route_error(code,
                       fmt::format("give {} the address {}/{}", interface, address.address.text(), address.prefix));
  return {};
}

Result<void> remove_address(nl_sock* socket, const std::string& interface, const InterfaceAddress& address) {
  NWF_TRY(const RtAddress made, make_address(interface, address));
  const int code = rtnl_addr_delete(socket, made.get(), 0);
  if (code < 0 && code != -NLE_NOADDR && code != -NLE_OBJ_NOTFOUND)
    return route_error(code, fmt::format("take the address {} from {}", address.address.text(), interface));
  return {};
}

Result<std::vector<RouteState>> routes(nl_sock* socket) {
  nl_cache* raw = nullptr;
  if (const int code = rtnl_route_alloc_cache(socket, AF_UNSPEC, 0, &raw); code < 0)
    return route_error(code, "list the routes");
  const Cache cache(raw);
  std::vector<RouteState> found;
  for (nl_object* object = nl_cache_get_first(cache.get()); object != nullptr; object = nl_cache_get_next(object)) {
    auto* route = reinterpret_cast<rtnl_route*>(object);
    if (rtnl_route_get_type(route) != RTN_UNICAST) continue;
    const nl_addr* to = rtnl_route_get_dst(route);
    const auto address = ip_of(to, rtnl_route_get_family(route));
    if (!address) continue;
    RouteState state;
    state.to = Subnet::of(*address, to == nullptr ? 0 : nl_addr_get_prefixlen(to));
    state.table = rtnl_route_get_table(route);
    if (rtnl_nexthop* hop = rtnl_route_nexthop_n(route, 0)) {
      state.link = rtnl_route_nh_get_ifindex(hop);
      if (const nl_addr* gateway = rtnl_route_nh_get_gateway(hop))
        state.gateway = ip_of(gateway, nl_addr_get_family(gateway));
    }
    found.push_back(std::move(state));
  }
  return found;
}

std::vector<LearnedRoute> learned_routes() {
  // linux/net/ipv6/route.c, rt6_info_route(): target, its length, source, its length, next hop, metric, two counts,
  // flags, interface
  std::vector<LearnedRoute> found;
  std::ifstream file("/proc/net/ipv6_route");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string target, length, word, flags;
    words >> target >> length;
    for (int skipped = 0; skipped < 6; ++skipped) words >> word;
    LearnedRoute state;
    words >> flags >> state.interface;
    if (!words || target.size() != 32 || (std::strtoul(flags.c_str(), nullptr, 16) & RTF_ADDRCONF) == 0) continue;
    Bytes bytes;
    for (std::size_t i = 0; i < target.size(); i += 2)
      bytes.push_back(static_cast<std::uint8_t>(std::strtoul(target.substr(i, 2).c_str(), nullptr, 16)));
    state.to = Subnet::of(IpAddress::from(bytes), static_cast<unsigned>(std::strtoul(length.c_str(), nullptr, 16)));
    found.push_back(std::move(state));
  }
  return found;
}

Result<void> add_route(nl_sock* socket, const std::string& interface, const StaticRoute& route) {
  NWF_TRY(const Route made, make_route(interface, route));
  rtnl_route_set_priority(made.get(), route.metric.value_or(1));
  const int code = rtnl_route_add(socket, made.get(), NLM_F_CREATE);
  if (code < 0 && code != -NLE_EXIST)
    return route_error(code, fmt::format("add the route to {} by {}", route.to.text(), route.gateway.text()));
  return {};
}

Result<void> remove_route(nl_sock* socket, const std::string& interface, const StaticRoute& route) {
  NWF_TRY(const Route made, make_route(interface, route));
  const int code = rtnl_route_delete(socket, made.get(), 0);
  if (code < 0 && code != -NLE_OBJ_NOTFOUND)
    return route_error(code, fmt::format("remove the route to {}", route.to.text()));
  return {};
}

}  // namespace nwf::netlink
