// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/cooperation.h"

#include <fmt/format.h>

#include "engine/network/host_services.h"
#include "engine/network/rule_parts.h"

namespace nwf {
namespace {

using namespace network_parts;

Rule tagged(Expressions expressions, expr::Immediate verdict, const std::string& what) {
  expressions.emplace_back(expr::Counter{});
  expressions.emplace_back(std::move(verdict));
  return rule(std::move(expressions), fmt::format("{} {}", kCooperationTag, what));
}

Expressions from(const std::string& interface) { return {in_name(), equal(0, name_bytes(interface))}; }
Expressions to(const std::string& interface) { return {out_name(), equal(0, name_bytes(interface))}; }

}  // namespace

CooperationRules cooperation_rules(const std::vector<Network>& networks, bool ipv6,
                                   const std::vector<std::string>& spared) {
  CooperationRules rules;
  for (const Network& network : networks) {
    const std::string& bridge = network.bridge.name;
    if (!network.cooperates || !(ipv6 ? network.has_ipv6() : network.has_ipv4())) continue;
    if (network.mode() == ForwardMode::Isolated) {
      // Where bridged frames meet these chains. Nothing else is let pass, also should our own rules be gone.
      rules.forward.push_back(tagged(join(from(bridge), to(bridge)), accept(), bridge + " within"));
    } else {
      rules.forward.push_back(tagged(from(bridge), accept(), bridge + " out"));
      rules.forward.push_back(tagged(to(bridge), accept(), bridge + " in"));
    }
    for (const HostService& service : host_services(network, ipv6)) {
      const Expressions what{protocol(0), equal(0, {service.protocol}), target_port(0),
                             equal(0, port_bytes(service.port))};
      rules.input.push_back(
          tagged(join(from(bridge), what), accept(),
                 fmt::format("{} {} {}", bridge, service.protocol == 6 ? "tcp" : "udp", service.port)));
    }
  }
  if (rules.forward.empty()) return rules;
  std::vector<Rule> first;
  for (const std::string& interface : spared) {
    first.push_back(tagged(to(interface), back(), "spares to " + interface));
    first.push_back(tagged(from(interface), back(), "spares from " + interface));
  }
  rules.forward.insert(rules.forward.begin(), first.begin(), first.end());
  return rules;
}

Rule cooperation_jump(const std::string& chain) {
  return rule({expr::Counter{}, jump(chain)}, std::string(kCooperationTag));
}

}  // namespace nwf
