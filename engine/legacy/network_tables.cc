// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/legacy/network_tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/network/host_services.h"

namespace nwf::legacy {
namespace {

constexpr std::uint8_t kTcp = 6, kUdp = 17;
constexpr std::uint16_t kFirstUnprivileged = 1024, kLastPort = 65535;

Masked whole(const IpAddress& address) { return {address.bytes(), Bytes(address.bytes().size(), 0xff), false}; }
Masked network_of(const Subnet& subnet) { return {subnet.address.bytes(), subnet.netmask().bytes(), false}; }

bool is_ruled(const Network& network) { return has_own_bridge(network.mode()) && network.mode() != ForwardMode::Open; }

Result<void> check(const Network& network) {
  const auto only_nftables = [&](std::string_view what) {
    return fail({ErrorKind::Unsupported,
                 fmt::format("network '{}': {} is not done by the iptables-legacy backend", network.name, what),
                 network.source,
                 "remove it, or use the nftables backend",
                 {}});
  };
  if (!network.port_forwards.empty()) return only_nftables("<nwf:port-forward>");
  if (!network.peers.empty()) return only_nftables("<nwf:peer>");
  if (network.host_access && !network.host_access->all) return only_nftables("<nwf:host>");
  if (network.accept_mark) return only_nftables("<nwf:accept>");
  if (network.forward && network.forward->nat && network.forward->nat->prefix) return only_nftables("<nwf:prefix>");
  return {};
}

/// The tables of one version of IP.
class NetworkLayer {
 public:
  NetworkLayer(bool ipv6, bool classic, bool checksums) : ipv6_(ipv6), classic_(classic), checksums_(checksums) {}

  void add(const Network& network) {
    bridge_ = network.bridge.name;
    devices_ = network.forward ? network.forward->devices : std::vector<std::string>{};
    services(network);
    if (!network.isolated_ports.value_or(false))
      rule("LIBVIRT_FWX", bridge_, bridge_, {}, {}, target::Jump{"ACCEPT", false});
    const bool nat = network.mode() == ForwardMode::Nat, open = nat || network.mode() == ForwardMode::Route;
    for (const NetworkIp& ip : network.ips) {
      if (ip.address.is_ipv6() != ipv6_ || !open) continue;
      const bool translated = nat && (!ipv6_ || (network.forward->nat && network.forward->nat->ipv6));
      subnet(network, network_of(ip.subnet()), translated);
    }
    rule("LIBVIRT_FWO", bridge_, {}, {}, {}, target::Reject{});
    rule("LIBVIRT_FWI", {}, bridge_, {}, {}, target::Reject{});
  }

  void finish(Tables& tables) {
    const Family family = ipv6_ ? Family::Ip6 : Family::Ip4;
    const auto take = [&](const std::string& table, const std::string& builtin, const std::string& chain,
                          std::map<std::string, std::vector<IpRule>>& from) {
      const auto found = from.find(chain);
      if (found == from.end()) return;
      IpTable& into = tables.ip[{family, table}];
      into.chains[chain] = {std::move(found->second), false, false};
      IpRule jump;
      jump.target = target::Jump{chain, false};
      into.links.push_back({builtin, std::move(jump), Place::BehindPorts});
    };
    take("filter", "INPUT", "LIBVIRT_INP", filter_);
    take("filter", "OUTPUT", "LIBVIRT_OUT", filter_);
    take("filter", "FORWARD", "LIBVIRT_FWX", filter_);
    if (!classic_) take("filter", "FORWARD", "LIBVIRT_FWO", filter_);
    take("filter", "FORWARD", "LIBVIRT_FWI", filter_);
    take("filter", "FORWARD", classic_ ? "LIBVIRT_FWO" : "LIBVIRT_FWE", filter_);
    take("nat", "POSTROUTING", "LIBVIRT_PRT", nat_);
    take("mangle", "POSTROUTING", "LIBVIRT_PRT", mangle_);
  }

 private:
  void rule(const std::string& chain, const std::string& in, const std::string& out,
            const std::optional<Masked>& source, const std::optional<Masked>& destination, IpTarget target,
            std::vector<IpMatch> matches = {}) {
    filter_[chain].push_back({source, destination, in, out, std::nullopt, std::move(matches), std::move(target), {}});
  }

  static IpRule to_port(std::uint8_t protocol, std::uint16_t port) {
    IpRule rule;
    rule.protocol = protocol;
    const match::Ports ports{port, port, false};
    if (protocol == kTcp)
      rule.matches.emplace_back(match::Tcp{std::nullopt, ports, std::nullopt, false, std::nullopt});
    else
      rule.matches.emplace_back(match::Udp{std::nullopt, ports});
    rule.target = target::Jump{"ACCEPT", false};
    return rule;
  }

  void services(const Network& network) {
    for (const HostService& service : host_services(network, ipv6_)) {
      IpRule in = to_port(service.protocol, service.port);
      in.in = bridge_;
      filter_["LIBVIRT_INP"].push_back(in);
      // A DHCP server's answers go to the client's port.
      const std::uint16_t answer = service.port == 67 ? 68 : service.port == 547 ? 546 : service.port;
      IpRule out = to_port(service.protocol, answer);
      out.out = bridge_;
      filter_["LIBVIRT_OUT"].push_back(out);
    }
    if (ipv6_ || !checksums_) return;
    if (std::ranges::none_of(network.ips, [](const NetworkIp& ip) { return !ip.address.is_ipv6() && ip.has_dhcp(); }))
      return;
    IpRule fill = to_port(kUdp, 68);
    fill.out = bridge_;
    fill.target = target::Checksum{};
    mangle_["LIBVIRT_PRT"].push_back(std::move(fill));
  }

  void subnet(const Network& network, const Masked& subnet, bool translated) {
    const std::vector<std::string> any{""};
    for (const std::string& device : devices_.empty() ? any : devices_) {
      std::vector<IpMatch> answers;
      if (translated) answers.emplace_back(match::State{kRelatedEstablished});
      rule("LIBVIRT_FWI", device, bridge_, {}, subnet, target::Jump{"ACCEPT", false}, answers);
      if (classic_) {
        rule("LIBVIRT_FWO", bridge_, device, subnet, {}, target::Jump{"ACCEPT", false});
      } else {
        rule("LIBVIRT_FWO", bridge_, device, subnet, {}, target::Jump{"RETURN", false});
        rule("LIBVIRT_FWE", bridge_, device, subnet, {}, target::Jump{"ACCEPT", false});
      }
      if (translated) translate(network, subnet, device);
    }
  }

  /// What stays as it is, then TCP and UDP by ports that no service of the host's has, then all else.
  void translate(const Network& network, const Masked& subnet, const std::string& device) {
    auto& rules = nat_["LIBVIRT_PRT"];
    const auto stays = [&](const Masked& to) {
      rules.push_back({subnet, to, {}, device, std::nullopt, {}, target::Jump{"RETURN", false}, {}});
    };
    if (ipv6_) {
      stays(network_of(Subnet{*IpAddress::parse("ff02::"), 16}));
    } else {
      stays(network_of(Subnet{*IpAddress::parse("224.0.0.0"), 24}));
      stays(whole(*IpAddress::parse("255.255.255.255")));
    }
    const std::optional<Nat>& nat = network.forward->nat;
    if (nat)
      for (const Subnet& excluded : nat->excluded)
        if (excluded.is_ipv6() == ipv6_) stays(network_of(excluded));
    Masked elsewhere = subnet;
    elsewhere.negated = true;
    Span<std::uint16_t> ports{kFirstUnprivileged, kLastPort, false};
    if (nat && nat->ports) ports = {nat->ports->start, nat->ports->end, false};
    for (const std::optional<std::uint8_t> protocol :
         {std::optional(kTcp), std::optional(kUdp), std::optional<std::uint8_t>()}) {
      const std::optional<Span<std::uint16_t>> range = protocol ? std::optional(ports) : std::nullopt;
      IpTarget target = target::Masquerade{range};
      if (nat && nat->addresses && nat->addresses->start.is_ipv6() == ipv6_)
        target = target::Nat{true, Span<IpAddress>{nat->addresses->start, nat->addresses->end, false}, range};
      rules.push_back({subnet, elsewhere, {}, device, protocol, {}, std::move(target), {}});
    }
  }

  static constexpr std::uint8_t kRelatedEstablished = 6;  // ConnBit: kConnEstablished | kConnRelated
  const bool ipv6_, classic_, checksums_;
  std::string bridge_;
  std::vector<std::string> devices_;
  std::map<std::string, std::vector<IpRule>> filter_, nat_, mangle_;
};

}  // namespace

Result<Tables> network_tables(const std::vector<Network>& networks, bool classic, bool checksums) {
  std::vector<const Network*> ruled;
  for (const Network& network : networks)
    if (is_ruled(network)) ruled.push_back(&network);
  std::ranges::sort(ruled, {}, &Network::name);
  Tables tables;
  for (const Network* network : ruled) NWF_CHECK(check(*network));
  for (const bool ipv6 : {false, true}) {
    NetworkLayer layer(ipv6, classic, checksums);
    bool any = false;
    for (const Network* network : ruled) {
      // libvirt leaves out a version of IP that the network has no address of, unless it says ipv6='yes'. Here what is
      // not said is closed.
      const bool has = ipv6 ? network->has_ipv6() || network->ipv6.value_or(false) : network->has_ipv4();
      if (classic && !has) continue;
      layer.add(*network);
      any = true;
    }
    if (any) layer.finish(tables);
  }
  return tables;
}

}  // namespace nwf::legacy
