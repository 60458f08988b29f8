// SPDX-License-Identifier: GPL-2.0-or-later
// What can only be seen of the whole network.
#include <fmt/format.h>

#include <algorithm>

#include "xml/network_parts.h"

namespace nwf::xml {
namespace {

void check_forward(const Network& network, Mistakes& mistakes) {
  if (!network.forward) return;
  const Forward& forward = *network.forward;
  const ForwardMode mode = forward.mode;
  const std::string_view name = forward_mode_name(mode);
  const bool own_bridge = has_own_bridge(mode);
  if (forward.nat && mode != ForwardMode::Nat)
    mistakes.add(forward.source, "<nat> can only be used when the mode of <forward> is 'nat'", "remove it");
  if (mode == ForwardMode::Open && !forward.devices.empty())
    mistakes.add(forward.source,
                 fmt::format("dev is not allowed for network '{}' with forward mode='open'", network.name),
                 "remove it, or use mode='route'");
  if ((mode == ForwardMode::Nat || mode == ForwardMode::Route) && network.ips.empty())
    mistakes.add(forward.source,
                 fmt::format("{} forwarding is requested, but network '{}' has no IP address", name, network.name),
                 "add <ip address='192.168.122.1' prefix='24'/>");
  if (own_bridge && (forward.managed || !forward.pool.empty()))
    mistakes.add(forward.source, fmt::format("forward mode='{}' has no pool of devices", name),
                 "remove managed, <pf>, <address> and <driver>");
}

void check_bridge(const Network& network, Mistakes& mistakes) {
  const ForwardMode mode = network.mode();
  if (has_own_bridge(mode)) return;
  const auto refuse = [&](std::string_view what) {
    mistakes.add(network.source,
                 fmt::format("{} in network '{}' with forward mode='{}'", what, network.name, forward_mode_name(mode)),
                 "it is only allowed in isolated, nat, route and open networks");
  };
  if (mode != ForwardMode::Bridge && !network.bridge.name.empty()) refuse("a bridge name");
  if (network.bridge.stp_given) refuse("stp");
  if (network.bridge.delay_seconds) refuse("delay");
  if (!network.bridge.zone.empty()) refuse("zone");
  if (network.mtu) refuse("<mtu>");
  if (network.mac) refuse("<mac>");
  if (!network.ips.empty()) refuse("<ip>");
  if (network.dns) refuse("<dns>");
  if (network.domain) refuse("<domain>");
  if (!network.routes.empty()) refuse("<route>");
  if (mode == ForwardMode::Bridge && network.bridge.name.empty() && network.forward->devices.empty() &&
      network.forward->pool.empty())
    mistakes.add(network.source, fmt::format("network '{}' with forward mode='bridge' names no bridge", network.name),
                 "add <bridge name='br0'/>");
}

void check_range(const NetworkIp& ip, const DhcpRange& range, Mistakes& mistakes) {
  const Subnet net = ip.subnet();
  const std::string text = fmt::format("range {} - {}", range.start.text(), range.end.text());
  if (!net.contains(range.start) || !net.contains(range.end)) {
    mistakes.add(ip.source, fmt::format("{} is not entirely within network {}", text, net.text()));
    return;
  }
  if (net.is_ipv6() || net.prefix > 30) return;
  if (range.start == net.first()) mistakes.add(ip.source, fmt::format("start of {} is the network address", text));
  if (range.end == net.last()) mistakes.add(ip.source, fmt::format("end of {} is the broadcast address", text));
}

void check_ips(const Network& network, Mistakes& mistakes) {
  const NetworkIp* dhcp4 = nullptr;
  const NetworkIp* dhcp6 = nullptr;
  for (const NetworkIp& ip : network.ips) {
    const NetworkIp*& other = ip.address.is_ipv6() ? dhcp6 : dhcp4;
    if (ip.dhcp && other != nullptr)
      mistakes.add(ip.source,
                   fmt::format("multiple {0} dhcp sections: dhcp is supported for a single {0} address on each network",
                               ip.address.is_ipv6() ? "IPv6" : "IPv4"),
                   "keep one <dhcp>");
    if (ip.dhcp) other = &ip;
    for (const DhcpRange& range : ip.ranges) check_range(ip, range, mistakes);
    for (const DhcpHost& host : ip.hosts)
      if (host.ip && !ip.subnet().contains(*host.ip))
        mistakes.add(ip.source,
                     fmt::format("reserved address {} is not in network {}", host.ip->text(), ip.subnet().text()));
    for (const NetworkIp& earlier : network.ips) {
      if (&earlier == &ip) break;
      if (earlier.subnet().overlaps(ip.subnet()))
        mistakes.add(ip.source,
                     fmt::format("{} overlaps {} of the same network", ip.subnet().text(), earlier.subnet().text()));
    }
  }
  for (const StaticRoute& route : network.routes) {
    const bool reachable = std::any_of(network.ips.begin(), network.ips.end(),
                                       [&](const NetworkIp& ip) { return ip.subnet().contains(route.gateway); });
    if (!reachable)
      mistakes.add(route.source, fmt::format("unreachable static route gateway {}", route.gateway.text()),
                   "the gateway must be in the network of an <ip>");
  }
}

/// nwf's own parts go with networks whose packets nwf forwards itself.
void check_additions(const Network& network, Mistakes& mistakes) {
  const auto in_network = [&](const IpAddress& address) {
    return std::any_of(network.ips.begin(), network.ips.end(),
                       [&](const NetworkIp& ip) { return ip.subnet().contains(address); });
  };
  for (const PortForward& forward : network.port_forwards) {
    if (network.mode() != ForwardMode::Nat)
      mistakes.add(forward.source, "<nwf:port-forward> is for forward mode='nat'",
                   "in other networks guests are reached by their own addresses");
    else if (!in_network(forward.to))
      mistakes.add(forward.source, fmt::format("{} is not in network '{}'", forward.to.text(), network.name));
    if (forward.address && !forward.address->is_ipv6() && forward.address->bytes().front() == 127)
      mistakes.add(forward.source, "a loopback address cannot be forwarded from", "leave address out");
  }
  const bool ruled = has_own_bridge(network.mode()) && network.mode() != ForwardMode::Open;
  for (const auto& [given, element] :
       {std::pair{network.accept_mark.has_value(), "nwf:accept"}, {network.cooperates, "nwf:cooperate"}})
    if (given && !ruled)
      mistakes.add(network.source,
                   fmt::format("<{}> is of no use in a network with forward mode='{}': it has no rules", element,
                               forward_mode_name(network.mode())),
                   "remove it");
  if (!network.proxy_arp.empty() && network.mode() != ForwardMode::Route)
    mistakes.add(network.source, "<nwf:proxy-arp> is for forward mode='route'",
                 "in other networks guests are not to be reached by their own addresses");
  if (!network.peers.empty() && !ruled)
    mistakes.add(
        network.peers.front().source,
        fmt::format("<nwf:peer> is of no use in a network with forward mode='{}'", forward_mode_name(network.mode())),
        "remove it");
}

}  // namespace

void check_network(const Network& network, Mistakes& mistakes) {
  check_forward(network, mistakes);
  check_bridge(network, mistakes);
  check_ips(network, mistakes);
  check_additions(network, mistakes);
}

}  // namespace nwf::xml
