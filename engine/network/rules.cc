// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/network/accept_mark.h"
#include "engine/network/nat_rules.h"
#include "engine/network/rule_parts.h"
#include "engine/ruleset/fingerprint.h"

namespace nwf {
namespace {

using namespace network_parts;

constexpr std::uint8_t kTcp = 6, kUdp = 17;  // IANA protocol numbers
constexpr std::uint8_t kIcmpv6 = 58;
/// Early among the filters: whoever counts, marks or logs later sees only what is let through.
constexpr std::int32_t kFilterPriority = -2;

/// Two names of interfaces.
const std::vector<KeyPart> kPair{kName, kName};

Set names(std::string name, std::string comment) { return plain_set(std::move(name), {kName}, std::move(comment)); }
Set pairs(std::string name, std::string comment) { return plain_set(std::move(name), kPair, std::move(comment)); }

bool is_ruled(const Network& network) { return has_own_bridge(network.mode()) && network.mode() != ForwardMode::Open; }

class Forwarding {
 public:
  Forwarding(const std::vector<const Network*>& networks, Table& table) : networks_(networks), table_(table) {}

  void run() {
    sets();
    for (const Network* network : networks_) elements(*network);
    const bool forwards = std::any_of(networks_.begin(), networks_.end(),
                                      [](const Network* network) { return !network->port_forwards.empty(); });
    table_.chains.emplace("guest-out", guest_out(forwards));
    table_.chains.emplace("guest-in", guest_in(forwards));
    Chain chain = base_chain("forward", {Hook::Forward, kFilterPriority}, "what is forwarded from or to a network");
    chain.rules.push_back(rule({in_name(), in_set("bridges"), jump("guest-out")}, "who sends is judged first"));
    chain.rules.push_back(rule({out_name(), in_set("bridges"), jump("guest-in")}, "then whether it may be reached"));
    table_.chains.emplace("forward", std::move(chain));
  }

 private:
  void sets() {
    add_set(table_, names("bridges", "bridges of networks that have rules"));
    add_set(table_, pairs("same_bridge", "guests of one network may reach each other"));
    add_set(table_, range_set("subnets4", {kName, kAddress4}, "addresses of each network"));
    add_set(table_, range_set("subnets6", {kName, kAddress6}, "addresses of each network"));
    add_set(table_, names("may_leave", "guests may reach what is outside"));
    add_set(table_, pairs("may_leave_by", "guests may reach what is behind this interface"));
    for (const char family : {'4', '6'}) {
      add_set(table_, names(fmt::format("may_enter{}", family), "guests may be reached from outside"));
      add_set(table_, pairs(fmt::format("may_enter{}_by", family), "guests may be reached from behind this interface"));
    }
    add_set(table_, names("answered", "guests get answers"));
    add_set(table_, pairs("answered_by", "guests get answers from behind this interface"));
    add_set(table_, pairs("peers", "networks of which one may open connections to the other"));
    add_set(table_, pairs("peers_answer", "networks of which one may answer the other"));
    add_set(table_, range_set("forwarded4", {kName, kAddress4, kProtocol, kPort}, "guests' ports open to the outside"));
    add_set(table_, range_set("forwarded6", {kName, kAddress6, kProtocol, kPort}, "guests' ports open to the outside"));
  }

  void elements(const Network& network) {
    const Bytes bridge = name_bytes(network.bridge.name);
    add(table_, "bridges", bridge);
    if (!network.isolated_ports.value_or(false)) add(table_, "same_bridge", joined({bridge, bridge}));
    for (const NetworkIp& ip : network.ips) {
      const Subnet subnet = ip.subnet();
      add_range(table_, subnet.is_ipv6() ? "subnets6" : "subnets4", joined({bridge, subnet.first().bytes()}),
                joined({bridge, subnet.last().bytes()}));
    }
    outside(network, bridge);
    for (const Peer& peer : network.peers) peer_elements(network, peer);
    for (const PortForward& forward : network.port_forwards) {
      const std::uint8_t protocol = forward.protocol == "tcp" ? kTcp : kUdp;
      const auto last = static_cast<std::uint16_t>(forward.to_start + (forward.ports.end - forward.ports.start));
      add_range(table_, forward.to.is_ipv6() ? "forwarded6" : "forwarded4",
                joined({bridge, forward.to.bytes(), {protocol}, port_bytes(forward.to_start)}),
                joined({bridge, forward.to.bytes(), {protocol}, port_bytes(last)}));
    }
  }

  void outside(const Network& network, const Bytes& bridge) {
    const ForwardMode mode = network.mode();
    if (mode != ForwardMode::Nat && mode != ForwardMode::Route) return;
    const bool nat6 = network.forward->nat && network.forward->nat->ipv6;
    const bool translated4 = mode == ForwardMode::Nat, translated6 = translated4 && nat6;
    const auto everywhere = [&](const std::string& set, const std::vector<std::string>& devices) {
      if (devices.empty()) add(table_, set, bridge);
      for (const std::string& dev : devices) add(table_, set + "_by", joined({bridge, name_bytes(dev)}));
    };
    const auto& devices = network.forward->devices;
    everywhere("may_leave", devices);
    if (mode == ForwardMode::Nat) everywhere("answered", devices);
    if (!translated4) everywhere("may_enter4", devices);
    // As libvirt has it: without nat@ipv6 the IPv6 networks of a nat network are routed, so reachable.
    if (!translated6 && network.has_ipv6()) everywhere("may_enter6", devices);
  }

  void peer_elements(const Network& network, const Peer& peer) {
    const auto other = std::find_if(networks_.begin(), networks_.end(),
                                    [&](const Network* candidate) { return candidate->name == peer.network; });
    if (other == networks_.end()) return;  // not up: its own start brings the elements
    const Bytes ours = name_bytes(network.bridge.name), theirs = name_bytes((*other)->bridge.name);
    if (peer.out) add(table_, "peers", joined({ours, theirs}));
    if (peer.in) add(table_, "peers", joined({theirs, ours}));
    add(table_, "peers_answer", joined({ours, theirs}));
    add(table_, "peers_answer", joined({theirs, ours}));
  }

  static Chain guest_out(bool forwards) {
    Chain chain;
    chain.name = "guest-out";
    chain.comment = "what a guest sends beyond its bridge";
    auto& rules = chain.rules;
    rules.push_back(rule({in_name(), out_name(4), in_set("same_bridge"), accept()}, "within one network"));
    rules.push_back(rule(join(is_ipv4(), {in_name(), source4(4), not_in_set("subnets4"), reject()}),
                         "a source that is not of the network"));
    rules.push_back(rule(join(is_ipv6(), {in_name(), source6(4), not_in_set("subnets6"), reject()}),
                         "a source that is not of the network"));
    rules.push_back(rule({in_name(), out_name(4), in_set("peers"), back()}, "to a peer"));
    rules.push_back(
        rule(join(known_connection(), {in_name(), out_name(4), in_set("peers_answer"), back()}), "answers to a peer"));
    rules.push_back(rule({in_name(), in_set("may_leave"), back()}, "to the outside"));
    rules.push_back(
        rule({in_name(), out_name(4), in_set("may_leave_by"), back()}, "to the outside, by this interface"));
    if (forwards)
      rules.push_back(
          rule(join(join(destination_translated(), known_connection()), {back()}), "answers of a forwarded port"));
    rules.push_back(rule({reject()}, "a network that guests may not leave this way"));
    seal(chain);
    return chain;
  }

  static Chain guest_in(bool forwards) {
    Chain chain;
    chain.name = "guest-in";
    chain.comment = "what comes to a guest from beyond its bridge";
    auto& rules = chain.rules;
    rules.push_back(rule(join(is_ipv4(), {out_name(), target4(4), not_in_set("subnets4"), reject()}),
                         "a target that is not of the network"));
    rules.push_back(rule(join(is_ipv6(), {out_name(), target6(4), not_in_set("subnets6"), reject()}),
                         "a target that is not of the network"));
    rules.push_back(rule({in_name(), out_name(4), in_set("peers"), accept()}, "from a peer"));
    rules.push_back(rule(join(known_connection(), {in_name(), out_name(4), in_set("peers_answer"), accept()}),
                         "answers of a peer"));
    for (const bool ipv6 : {false, true}) {
      const std::string set = ipv6 ? "may_enter6" : "may_enter4";
      const auto family = ipv6 ? is_ipv6() : is_ipv4();
      rules.push_back(rule(join(family, {out_name(), in_set(set), accept()}), "from the outside"));
      rules.push_back(rule(join(family, {out_name(), in_name(4), in_set(set + "_by"), accept()}),
                           "from the outside, by this interface"));
    }
    rules.push_back(rule(join(known_connection(), {out_name(), in_set("answered"), accept()}), "answers"));
    rules.push_back(rule(join(known_connection(), {out_name(), in_name(4), in_set("answered_by"), accept()}),
                         "answers, by this interface"));
    if (forwards) {
      for (const bool ipv6 : {false, true})
        rules.push_back(rule(join(join(ipv6 ? is_ipv6() : is_ipv4(), destination_translated()),
                                  {out_name(), ipv6 ? target6(4) : target4(4), protocol(ipv6 ? 8 : 5),
                                   target_port(ipv6 ? 9 : 6), in_set(ipv6 ? "forwarded6" : "forwarded4"), accept()}),
                             "a forwarded port"));
      rules.push_back(
          rule(join(join(destination_translated(), known_connection()), {accept()}), "answers of a forwarded port"));
    }
    rules.push_back(rule({reject()}, "a network that may not be reached from there"));
    seal(chain);
    return chain;
  }

  const std::vector<const Network*>& networks_;
  Table& table_;
};

/// What guests reach of the host, where a network says so.
void host_rules(const std::vector<const Network*>& networks, Table& table) {
  const bool any = std::any_of(networks.begin(), networks.end(),
                               [](const Network* n) { return n->host_access && !n->host_access->all; });
  if (!any) return;
  add_set(table, names("host_closed", "guests reach of the host only what is said here"));
  add_set(table, plain_set("host_services", {kName, kProtocol, kPort}, "services of the host that guests reach"));
  for (const Network* network : networks) {
    if (!network->host_access || network->host_access->all) continue;
    const Bytes bridge = name_bytes(network->bridge.name);
    add(table, "host_closed", bridge);
    const auto service = [&](std::uint8_t number, std::uint16_t port) {
      add(table, "host_services", joined({bridge, {number}, port_bytes(port)}));
    };
    if (network->host_access->dns) {
      service(kUdp, 53);
      service(kTcp, 53);
    }
    if (network->host_access->dhcp) {
      service(kUdp, 67);
      service(kUdp, 547);
      for (const NetworkIp& ip : network->ips)
        if (!ip.tftp_root.empty()) service(kUdp, 69);
    }
  }
  Chain chain = base_chain("host", {Hook::Input, kFilterPriority}, "what guests send to the host");
  chain.rules.push_back(rule({in_name(), not_in_set("host_closed"), back()}, "no network that is kept from the host"));
  chain.rules.push_back(rule(join(known_connection(), {accept()}), "answers to the host's own connections"));
  chain.rules.push_back(
      rule({in_name(), protocol(4), target_port(5), in_set("host_services"), accept()}, "its services"));
  // Without neighbour discovery nothing of IPv6 works, not even the services.
  chain.rules.push_back(
      rule({protocol(0), equal(0, {kIcmpv6}), icmp_type(0), expr::Range{0, true, {133}, {136}}, accept()},
           "neighbour discovery"));
  chain.rules.push_back(rule({reject()}, "a network that is kept from the host"));
  seal(chain);
  table.chains.emplace(chain.name, std::move(chain));
}

}  // namespace

Ruleset network_rules(const std::vector<Network>& networks) {
  std::vector<const Network*> ruled;
  for (const Network& network : networks)
    if (is_ruled(network)) ruled.push_back(&network);
  if (ruled.empty()) return {};
  std::sort(ruled.begin(), ruled.end(), [](const Network* a, const Network* b) { return a->name < b->name; });
  Table table{Family::Inet, {}, {}, {}};
  Forwarding(ruled, table).run();
  host_rules(ruled, table);
  add_nat_rules(ruled, table);
  add_accept_marks(ruled, table);
  for (auto& [name, chain] : table.chains)
    if (sealed_fingerprint(chain).empty()) seal(chain);
  Ruleset ruleset;
  ruleset.tables.emplace(Family::Inet, std::move(table));
  return ruleset;
}

}  // namespace nwf
