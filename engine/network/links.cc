// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/links.h"

#include <fmt/format.h>

namespace nwf {

LinkPlan plan_links(const Network& network) {
  LinkPlan plan;
  const std::string& name = network.bridge.name;
  plan.bridge = {name, network.mac.value_or(Mac{}), network.mtu, network.bridge.stp,
                 network.bridge.delay_seconds.value_or(0) * 100};
  const auto ipv6 = [&](std::string_view what, std::string value) {
    plan.sysctls.push_back({fmt::format("net/ipv6/conf/{}/{}", name, what), std::move(value)});
  };
  ipv6("disable_ipv6", network.has_ipv6() ? "0" : "1");
  ipv6("accept_ra", "0");
  ipv6("autoconf", "0");
  if (!network.proxy_arp.empty()) {
    // Guests take the LAN for on their own link: the host answers there for all that is elsewhere, and at once.
    plan.sysctls.push_back({fmt::format("net/ipv4/conf/{}/proxy_arp", name), "1"});
    plan.sysctls.push_back({fmt::format("net/ipv4/neigh/{}/proxy_delay", name), "0"});
    plan.prefix_routes = false;
  }
  for (const NetworkIp& ip : network.ips) plan.addresses.push_back({ip.address, ip.prefix});
  plan.routes = network.routes;
  const bool forwards = network.mode() != ForwardMode::Isolated && has_own_bridge(network.mode());
  plan.forwarding4 = forwards && network.has_ipv4();
  plan.forwarding6 = forwards && network.has_ipv6();
  plan.isolated_ports = network.isolated_ports.value_or(false);
  return plan;
}

}  // namespace nwf
