// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/network_links.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "netlink/addresses.h"
#include "netlink/bridges.h"
#include "netlink/offload.h"
#include "netlink/sysctl.h"

namespace nwf::host {
namespace {

constexpr const char* kForward4 = "net/ipv4/ip_forward";
constexpr const char* kForward6 = "net/ipv6/conf/all/forwarding";
/// A route by a gateway to less than this many bits is a way to everywhere, not to a network that somebody has.
constexpr unsigned kEverywhere4 = 8, kEverywhere6 = 16;
/// An attempt at names ends some time: linux cannot have so many bridges.
constexpr int kMostNames = 10000;

bool concerns(const netlink::RouteState& route, const Subnet& subnet) {
  if (route.to.prefix == 0 || !route.to.overlaps(subnet)) return false;
  if (route.to.is_ipv6() && Subnet::of(*IpAddress::parse("fe80::"), 10).contains(route.to.address)) return false;
  if (route.to.is_ipv6() && Subnet::of(*IpAddress::parse("ff00::"), 8).contains(route.to.address)) return false;
  return !route.gateway || route.to.prefix >= (route.to.is_ipv6() ? kEverywhere6 : kEverywhere4);
}

}  // namespace

Result<NetworkLinks> NetworkLinks::open() {
  NWF_TRY(auto socket, netlink::open_route_socket());
  return NetworkLinks(std::move(socket));
}

Result<void> NetworkLinks::check_room(const Network& network) {
  const LinkPlan plan = plan_links(network);
  NWF_TRY(const auto routes, netlink::routes(socket_.get()));
  const int lan = network.proxy_arp.empty() ? 0 : netlink::interface_index(network.proxy_arp);
  const int bridge = netlink::interface_index(plan.bridge.name);
  for (const NetworkIp& ip : network.ips) {
    const auto is_lan = [&](const netlink::RouteState& route) {
      return lan != 0 && route.link == lan && !route.gateway && route.to.prefix > 0 && route.to.prefix <= ip.prefix &&
             route.to.contains(ip.address);
    };
    if (!network.proxy_arp.empty() && std::none_of(routes.begin(), routes.end(), is_lan))
      return fail({ErrorKind::Refused,
                   fmt::format("network {} of '{}' is no part of a network on interface {}", ip.subnet().text(),
                               network.name, network.proxy_arp),
                   ip.source,
                   fmt::format("see `ip route show dev {}`", network.proxy_arp),
                   {}});
    for (const netlink::RouteState& route : routes) {
      if (network.overlap_allowed || (bridge != 0 && route.link == bridge) || !concerns(route, ip.subnet())) continue;
      if (!network.proxy_arp.empty() && is_lan(route)) continue;
      const std::string owner = netlink::interface_name(route.link);
      return fail({ErrorKind::Refused,
                   fmt::format("network {} of '{}' is in use already: interface {} has the route {}",
                               ip.subnet().text(), network.name, owner.empty() ? "-" : owner, route.to.text()),
                   ip.source,
                   "use other addresses, or declare the overlap with <nwf:overlap allow='yes'/>",
                   {}});
    }
  }
  if (!plan.forwarding6) return {};
  NWF_TRY(const auto forwarding, netlink::read_sysctl(kForward6));
  if (forwarding == "1") return {};
  for (const netlink::LearnedRoute& route : netlink::learned_routes()) {
    NWF_TRY(const auto accepts, netlink::read_sysctl(fmt::format("net/ipv6/conf/{}/accept_ra", route.interface)));
    if (accepts == "2") continue;
    return fail(
        ErrorKind::Refused,
        fmt::format("forwarding IPv6 for network '{}' would make the host forget the route {} that it learned on {}",
                    network.name, route.to.text(), route.interface),
        fmt::format("sysctl net.ipv6.conf.{}.accept_ra=2", route.interface));
  }
  return {};
}

Result<bool> NetworkLinks::exists(const std::string& name) {
  NWF_TRY(const auto link, netlink::find_link(socket_.get(), name));
  return link.has_value();
}

Result<bool> NetworkLinks::has_bridge(const BridgePlan& plan) {
  NWF_TRY(const auto link, netlink::find_link(socket_.get(), plan.name));
  return link && link->kind == "bridge" && link->mac == plan.mac;
}

Result<void> NetworkLinks::make_bridge(const LinkPlan& plan) {
  NWF_TRY(const auto link, netlink::find_link(socket_.get(), plan.bridge.name));
  if (!link) {
    NWF_CHECK(netlink::add_bridge(socket_.get(), plan.bridge));
  } else if (link->kind == "bridge" && link->mac == plan.bridge.mac) {
    NWF_CHECK(netlink::change_bridge(socket_.get(), plan.bridge));
  } else {
    return fail(ErrorKind::Refused,
                fmt::format("cannot make bridge {}: there is an interface of this name already", plan.bridge.name),
                "give the network another <bridge name='…'/>, or remove the interface");
  }
  for (const Sysctl& sysctl : plan.sysctls) {
    NWF_TRY(const auto now, netlink::read_sysctl(sysctl.name));
    if (!now) continue;
    if (*now != sysctl.value) NWF_CHECK(netlink::write_sysctl(sysctl.name, sysctl.value));
  }
  return {};
}

Result<void> NetworkLinks::forward(const std::string& sysctl) {
  NWF_TRY(const auto now, netlink::read_sysctl(sysctl));
  if (now && *now == "1") return {};
  return netlink::write_sysctl(sysctl, "1");
}

Result<void> NetworkLinks::bring_up(const LinkPlan& plan) {
  const std::string& bridge = plan.bridge.name;
  NWF_TRY(const auto there, netlink::addresses_of(socket_.get(), bridge));
  for (const InterfaceAddress& address : there)
    if (std::find(plan.addresses.begin(), plan.addresses.end(), address) == plan.addresses.end())
      NWF_CHECK(netlink::remove_address(socket_.get(), bridge, address));
  for (const InterfaceAddress& address : plan.addresses)
    if (std::find(there.begin(), there.end(), address) == there.end())
      NWF_CHECK(netlink::add_address(socket_.get(), bridge, address, plan.prefix_routes));
  NWF_CHECK(netlink::finish_checksums(bridge));
  NWF_TRY(const auto link, netlink::find_link(socket_.get(), bridge));
  const bool was_up = link && link->up;
  if (!was_up) NWF_CHECK(netlink::set_link_up(socket_.get(), bridge, true));
  std::vector<netlink::RouteState> all;  // one that was down has none with a gateway
  if (was_up) {
    NWF_TRY(all, netlink::routes(socket_.get()));
  }
  for (const netlink::RouteState& route : all) {
    if (route.link != link->index || !route.gateway) continue;
    const bool wanted = std::any_of(plan.routes.begin(), plan.routes.end(), [&](const StaticRoute& planned) {
      return planned.to == route.to && planned.gateway == *route.gateway;
    });
    if (!wanted) NWF_CHECK(netlink::remove_route(socket_.get(), bridge, {route.to, *route.gateway, {}, false, {}}));
  }
  for (const StaticRoute& route : plan.routes) NWF_CHECK(netlink::add_route(socket_.get(), bridge, route));
  if (plan.forwarding4) NWF_CHECK(forward(kForward4));
  if (plan.forwarding6) NWF_CHECK(forward(kForward6));
  return {};
}

Result<void> NetworkLinks::take_ports(const LinkPlan& plan, const std::vector<std::string>& ports) {
  for (const std::string& port : ports) {
    NWF_TRY(const auto link, netlink::find_link(socket_.get(), port));
    if (link && link->master == 0) NWF_CHECK(netlink::make_port(socket_.get(), port, plan.bridge.name));
  }
  NWF_TRY(const auto all, this->ports(plan.bridge.name));
  for (const std::string& port : all) NWF_CHECK(netlink::isolate_port(socket_.get(), port, plan.isolated_ports));
  return {};
}

Result<std::vector<std::string>> NetworkLinks::ports(const std::string& bridge) {
  return netlink::bridge_ports(socket_.get(), bridge);
}

Result<void> NetworkLinks::bring_down(const std::string& bridge) {
  NWF_TRY(const auto link, netlink::find_link(socket_.get(), bridge));
  if (!link) return {};
  return netlink::set_link_up(socket_.get(), bridge, false);
}

Result<void> NetworkLinks::remove_bridge(const BridgePlan& plan) {
  NWF_TRY(const bool ours, has_bridge(plan));
  if (!ours) return {};
  return netlink::remove_link(socket_.get(), plan.name);
}

Result<std::string> NetworkLinks::free_name(const std::string& pattern, const std::vector<std::string>& taken) {
  NWF_TRY(const auto links, netlink::link_names(socket_.get()));
  const std::size_t place = pattern.find("%d");
  for (int number = 0; number < kMostNames; ++number) {
    std::string name = pattern;
    name.replace(place, 2, fmt::format("{}", number));
    const auto has = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (PortName::parse(name) && !has(links) && !has(taken)) return name;
  }
  return fail(ErrorKind::Refused, fmt::format("no name like {} is free", pattern),
              "give the network a <bridge name='…'/>");
}

Result<ForwardingBefore> ForwardingBefore::read() {
  ForwardingBefore before;
  for (const char* name : {kForward4, kForward6}) {
    NWF_TRY(const auto value, netlink::read_sysctl(name));
    if (value) before.values_.push_back({name, *value});
  }
  return before;
}

void ForwardingBefore::restore() const {
  for (const Sysctl& sysctl : values_) {
    const auto now = netlink::read_sysctl(sysctl.name);
    // What cannot be turned back stays on; the failure that brings us here is the one to tell of.
    if (now && *now && **now != sysctl.value) (void)netlink::write_sysctl(sysctl.name, sysctl.value);
  }
}

}  // namespace nwf::host
