// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/nat_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "engine/network/rule_parts.h"

namespace nwf {
namespace {

using namespace network_parts;

constexpr std::uint8_t kTcp = 6, kUdp = 17;
constexpr std::int32_t kSourceNat = 100, kDestinationNat = -100;  // linux/netfilter_ipv4.h: NF_IP_PRI_NAT_SRC, _DST
/// A free port below 1024 would pass for one that only the host's root may use: NFS and others believe that.
constexpr PortRange kDefaultPorts{1024, 65535};

/// Addresses and ports that a network's packets leave with.
struct Translation {
  std::optional<AddressRange> addresses;  ///< none: the outgoing interface's own
  PortRange ports = kDefaultPorts;

  /// The name of its chain, from its content, so that the same is the same after a restart. No word of nft's own.
  std::string name() const {
    const std::string range = ports == kDefaultPorts ? "" : fmt::format(".{}-{}", ports.start, ports.end);
    if (!addresses) return "leave-as-host" + range;
    return fmt::format("leave-as.{}-{}{}", addresses->start.text(), addresses->end.text(), range);
  }
};

class SourceNat {
 public:
  SourceNat(const std::vector<const Network*>& networks, Table& table) : networks_(networks), table_(table) {}

  void run() {
    for (const Network* network : networks_)
      if (network->mode() == ForwardMode::Nat) one(*network);
    if (rules_.empty() && prefixes_.empty()) return;
    Chain chain =
        base_chain("source-nat", {Hook::Postrouting, kSourceNat, ChainType::Nat}, "what packets of guests leave with");
    for (const bool ipv6 : {false, true}) {
      const std::string set = ipv6 ? "hairpin6" : "hairpin4";
      if (!table_.sets.contains(set)) continue;
      // Not by the interface it came in by: where br_netfilter hands us bridged packets, there is none here.
      chain.rules.push_back(
          rule(join(join(ipv6 ? is_ipv6() : is_ipv4(), destination_translated()),
                    {ipv6 ? source6(0) : source4(0), ipv6 ? target6(4) : target4(1), in_set(set), expr::Masquerade{}}),
               "a forwarded port used from its own network: answers must come back by the host"));
    }
    for (const bool ipv6 : {false, true}) {
      const std::string set = ipv6 ? "keep6" : "keep4";
      if (!table_.sets.contains(set)) continue;
      chain.rules.push_back(
          rule(join(ipv6 ? is_ipv6() : is_ipv4(),
                    {ipv6 ? source6(0) : source4(0), ipv6 ? target6(4) : target4(1), in_set(set), back()}),
               "addresses stay as they are"));
    }
    for (Rule& prefix : prefixes_) chain.rules.push_back(std::move(prefix));
    for (auto& [name, r] : rules_) chain.rules.push_back(std::move(r));
    table_.chains.emplace("source-nat", std::move(chain));
  }

 private:
  void one(const Network& network) {
    const Nat nat = network.forward->nat.value_or(Nat{});
    Translation translation;
    translation.addresses = nat.addresses;
    translation.ports = nat.ports.value_or(kDefaultPorts);
    Translation translation6 = translation;
    translation6.addresses.reset();  // <address> of <nat> is for IPv4
    for (const NetworkIp& ip : network.ips) {
      const Subnet subnet = ip.subnet();
      if (subnet.is_ipv6() && !nat.ipv6) continue;
      keep_addresses(network, nat, subnet);
      if (subnet.is_ipv6() && nat.prefix) {
        prefix(network, subnet, *nat.prefix);
        continue;
      }
      translate(network, subnet, subnet.is_ipv6() ? translation6 : translation);
    }
    for (const PortForward& forward : network.port_forwards)
      for (const NetworkIp& ip : network.ips)
        if (ip.subnet().contains(forward.to)) hairpin(ip.subnet());
  }

  void hairpin(const Subnet& subnet) {
    const bool ipv6 = subnet.is_ipv6();
    const std::string set = ipv6 ? "hairpin6" : "hairpin4";
    const KeyPart part = ipv6 ? kAddress6 : kAddress4;
    if (!table_.sets.contains(set)) add_set(table_, range_set(set, {part, part}, "networks with forwarded ports"));
    add_range(table_, set, joined({subnet.first().bytes(), subnet.first().bytes()}),
              joined({subnet.last().bytes(), subnet.last().bytes()}));
  }

  void keep(const Subnet& from, const Subnet& to) {
    const bool ipv6 = from.is_ipv6();
    const std::string set = ipv6 ? "keep6" : "keep4";
    const KeyPart part = ipv6 ? kAddress6 : kAddress4;
    if (!table_.sets.contains(set))
      add_set(table_, range_set(set, {part, part}, "from and to: addresses stay as they are"));
    add_range(table_, set, joined({from.first().bytes(), to.first().bytes()}),
              joined({from.last().bytes(), to.last().bytes()}));
  }

  void keep_addresses(const Network& network, const Nat& nat, const Subnet& subnet) {
    // What never leaves the link keeps its source: strict DHCP clients and routing daemons look at it.
    std::vector<Subnet> same{Subnet::of(*IpAddress::parse("ff02::"), 16),
                             Subnet::of(*IpAddress::parse("224.0.0.0"), 24),
                             Subnet::of(*IpAddress::parse("255.255.255.255"), 32)};
    for (const NetworkIp& other : network.ips) same.push_back(other.subnet());
    same.insert(same.end(), nat.excluded.begin(), nat.excluded.end());
    for (const Network* other : networks_)
      if (addresses_kept_between(network, *other))
        for (const NetworkIp& ip : other->ips) same.push_back(ip.subnet());
    // Ranges in one set must not overlap: what lies in another says nothing new.
    for (const Subnet& to : same) {
      if (to.is_ipv6() != subnet.is_ipv6()) continue;
      const bool within = std::any_of(same.begin(), same.end(), [&](const Subnet& larger) {
        return larger.prefix < to.prefix && larger.is_ipv6() == to.is_ipv6() && larger.contains(to.address);
      });
      if (!within) keep(subnet, to);
    }
  }

  static bool addresses_kept_between(const Network& a, const Network& b) {
    const auto says = [](const Network& one, const Network& other) {
      return std::any_of(one.peers.begin(), one.peers.end(),
                         [&](const Peer& peer) { return peer.network == other.name && !peer.nat; });
    };
    return says(a, b) || says(b, a);
  }

  void translate(const Network& network, const Subnet& subnet, const Translation& translation) {
    const std::string chain = translation.name();
    const bool ipv6 = subnet.is_ipv6();
    if (!table_.chains.contains(chain)) table_.chains.emplace(chain, translation_chain(chain, translation));
    const std::string set = chain + (ipv6 ? "6" : "4");
    const KeyPart part = ipv6 ? kAddress6 : kAddress4;
    const auto source = ipv6 ? source6(0) : source4(0);
    const auto family = ipv6 ? is_ipv6() : is_ipv4();
    if (network.forward->devices.empty()) {
      if (!table_.sets.contains(set)) {
        add_set(table_, range_set(set, {part}, "networks that leave by any interface"));
        rules_[set] = rule(join(family, {source, in_set(set), go_to(chain)}), "by any interface");
      }
      add_range(table_, set, subnet.first().bytes(), subnet.last().bytes());
      return;
    }
    const std::string by = set + "_by";
    if (!table_.sets.contains(by)) {
      add_set(table_, range_set(by, {part, kName}, "networks that leave by this interface"));
      rules_[by] = rule(join(family, {source, out_name(ipv6 ? 4 : 1), in_set(by), go_to(chain)}), "by this interface");
    }
    for (const std::string& dev : network.forward->devices)
      add_range(table_, by, joined({subnet.first().bytes(), name_bytes(dev)}),
                joined({subnet.last().bytes(), name_bytes(dev)}));
  }

  /// Ports only where there are ports: the numbers of an ICMP echo would be squeezed into the range, too.
  static Chain translation_chain(const std::string& name, const Translation& translation) {
    Chain chain;
    chain.name = name;
    chain.comment = translation.addresses ? "leaves with an address of this range" : "leaves with the host's address";
    const auto leave = [&](bool with_ports) {
      Expressions out;
      if (translation.addresses) {
        out.emplace_back(expr::ImmediateData{0, translation.addresses->start.bytes()});
        out.emplace_back(expr::ImmediateData{4, translation.addresses->end.bytes()});
      }
      std::optional<expr::RegisterRange> ports;
      if (with_ports) {
        out.emplace_back(expr::ImmediateData{8, port_bytes(translation.ports.start)});
        out.emplace_back(expr::ImmediateData{12, port_bytes(translation.ports.end)});
        ports = {8, 12};
      }
      if (translation.addresses)
        out.emplace_back(expr::Nat{expr::Nat::Kind::Source, false, {0, 4}, ports});
      else
        out.emplace_back(expr::Masquerade{ports});
      return out;
    };
    for (const std::uint8_t number : {kTcp, kUdp})
      chain.rules.push_back(rule(join({protocol(0), equal(0, {number})}, leave(true)), "unprivileged ports"));
    chain.rules.push_back(rule(leave(false), "what has no ports"));
    return chain;
  }

  /// NPTv6: one rule for each such network, for its two prefixes are part of the translation itself.
  void prefix(const Network& network, const Subnet& inside, const Subnet& outside) {
    Expressions match = join(is_ipv6(), {source6(0), in_range(inside)});
    if (!network.forward->devices.empty()) {
      // One name at most: several uplinks cannot share an outer prefix.
      match = join({out_name(0), equal(0, name_bytes(network.forward->devices.front()))}, match);
    }
    prefixes_.push_back(rule(
        join(match, {expr::ImmediateData{0, outside.first().bytes()}, expr::ImmediateData{4, outside.last().bytes()},
                     expr::Nat{expr::Nat::Kind::Source, true, {0, 4}, std::nullopt, true}}),
        fmt::format("network {}: {} stands for {}", network.name, outside.text(), inside.text())));
  }

  static expr::Range in_range(const Subnet& subnet) { return {0, true, subnet.first().bytes(), subnet.last().bytes()}; }

  const std::vector<const Network*>& networks_;
  Table& table_;
  std::map<std::string, Rule> rules_;  ///< by set
  std::vector<Rule> prefixes_;
};

/// Ports of the host → guests. One map for each way to say where a connection comes in.
class PortForwards {
 public:
  PortForwards(const std::vector<const Network*>& networks, Table& table) : networks_(networks), table_(table) {}

  void run() {
    for (const Network* network : networks_)
      for (const PortForward& forward : network->port_forwards) one(forward);
    if (rules_.empty()) return;
    Chain incoming = base_chain("port-forward", {Hook::Prerouting, kDestinationNat, ChainType::Nat},
                                "connections to ports of the host that lead to guests");
    for (const auto& [name, r] : rules_) incoming.rules.push_back(r);
    table_.chains.emplace(incoming.name, std::move(incoming));
    if (own_.empty()) return;
    Chain own = base_chain("port-forward-host", {Hook::Output, kDestinationNat, ChainType::Nat},
                           "the same for connections of the host itself");
    // Loopback addresses would leave the host as they are, and no answer would come.
    own.rules.push_back(rule(join(is_ipv4(), {expr::Payload{PayloadBase::Network, 16, 1, 0}, equal(0, {127}), back()}),
                             "loopback stays"));
    for (const auto& [name, r] : own_) own.rules.push_back(r);
    table_.chains.emplace(own.name, std::move(own));
  }

 private:
  void one(const PortForward& forward) {
    const bool ipv6 = forward.to.is_ipv6(), by_dev = !forward.dev.empty(), by_address = forward.address.has_value();
    const KeyPart address = ipv6 ? kAddress6 : kAddress4;
    const std::string map =
        fmt::format("forward{}{}{}", ipv6 ? "6" : "4", by_dev ? "_dev" : "", by_address ? "_address" : "");
    if (!table_.sets.contains(map)) {
      std::vector<KeyPart> key;
      if (by_dev) key.push_back(kName);
      key.push_back(kProtocol);
      if (by_address) key.push_back(address);
      key.push_back(kPort);
      add_set(table_, map_set(map, std::move(key), {address, kPort}, "port of the host: guest and port"));
      const Rule made = map_rule(map, ipv6, by_dev, by_address);
      rules_.emplace(map, made);
      if (!by_dev) own_.emplace(map, made);
    }
    const std::uint8_t number = forward.protocol == "tcp" ? kTcp : kUdp;
    for (unsigned i = 0; i <= static_cast<unsigned>(forward.ports.end - forward.ports.start); ++i) {
      std::vector<Bytes> key;
      if (by_dev) key.push_back(name_bytes(forward.dev));
      key.push_back({number});
      if (by_address) key.push_back(forward.address->bytes());
      key.push_back(port_bytes(static_cast<std::uint16_t>(forward.ports.start + i)));
      table_.elements[map].insert(
          Element{joined(key),
                  std::nullopt,
                  {},
                  joined({forward.to.bytes(), port_bytes(static_cast<std::uint16_t>(forward.to_start + i))})});
    }
  }

  static Rule map_rule(const std::string& map, bool ipv6, bool by_dev, bool by_address) {
    Expressions out = ipv6 ? is_ipv6() : is_ipv4();
    if (!by_address) {
      out.emplace_back(expr::FibAddressType{0});
      Bytes local(4);
      std::memcpy(local.data(), &kFibLocal, 4);
      out.emplace_back(equal(0, local));
    }
    Register at = 0;
    if (by_dev) {
      out.emplace_back(in_name(at));
      at = 4;
    }
    out.emplace_back(protocol(at++));
    if (by_address) {
      out.emplace_back(ipv6 ? target6(at) : target4(at));
      at = static_cast<Register>(at + (ipv6 ? 4 : 1));
    }
    out.emplace_back(target_port(at));
    out.emplace_back(expr::Lookup{map, 0, false, false, Register{0}});
    const Register port = ipv6 ? 4 : 1;
    out.emplace_back(expr::Nat{expr::Nat::Kind::Destination, ipv6, {0, 0}, expr::RegisterRange{port, port}});
    return rule(std::move(out), "a port of the host that leads to a guest");
  }

  const std::vector<const Network*>& networks_;
  Table& table_;
  std::map<std::string, Rule> rules_, own_;  ///< by map
};

}  // namespace

void add_nat_rules(const std::vector<const Network*>& networks, Table& table) {
  SourceNat(networks, table).run();
  PortForwards(networks, table).run();
}

}  // namespace nwf
