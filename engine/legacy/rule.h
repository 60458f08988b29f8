// SPDX-License-Identifier: GPL-2.0-or-later
// Rules of the legacy kind (iptables, ip6tables, ebtables) as plain values: one struct for each match and target that
// nwf installs, with the fields that the kernel's own structs have.
//
// What each means is in linux/netfilter/xt_*.h, linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h and
// linux/netfilter_bridge/ebt_*.h. Addresses are in network byte order; ports and other numbers in the host's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/model/address.h"
#include "engine/model/ip.h"
#include "engine/model/value.h"

namespace nwf::legacy {

/// Longest name of a chain: linux/netfilter/x_tables.h XT_EXTENSION_MAXNAMELEN is 29 with the final zero, and
/// linux/netfilter_bridge/ebtables.h EBT_CHAIN_MAXNAMELEN is 32 with it.
constexpr std::size_t kMaxIpChainName = 28;
constexpr std::size_t kMaxEthernetChainName = 31;

/// Both ends belong to it.
template <class T>
struct Span {
  T low{};
  T high{};
  bool negated = false;
  friend bool operator==(const Span&, const Span&) = default;
};

/// (value & mask) equals, or does not.
struct Masked {
  Bytes value;
  Bytes mask;  ///< as long as the value
  bool negated = false;
  friend bool operator==(const Masked&, const Masked&) = default;
};

struct Number {
  std::uint32_t value = 0;
  bool negated = false;
  friend bool operator==(const Number&, const Number&) = default;
};

/// Where a rule comes from: FlatRule::origin(). No part of what it is: rules of two origins may be equal.
struct Origin {
  std::string text;
  friend bool operator==(const Origin&, const Origin&) { return true; }
};

/// The matches of the inet layer's rules.
namespace match {

/// xt_physdev.h: the bridge port that a packet came in by, or leaves by.
struct Physdev {
  std::string in;
  std::string out;
  bool bridged = false;  ///< the packet is bridged, not routed
  friend bool operator==(const Physdev&, const Physdev&) = default;
};
/// xt_conntrack.h: bits of program.h's ConnBit.
struct State {
  std::uint8_t states = 0;
  friend bool operator==(const State&, const State&) = default;
};
/// xt_conntrack.h: packets in the direction of the flow's first packet, or the replies.
struct CtDirection {
  bool reply = false;
  friend bool operator==(const CtDirection&, const CtDirection&) = default;
};
/// xt_iprange.h
struct IpRange {
  std::optional<Span<Bytes>> source;
  std::optional<Span<Bytes>> target;
  friend bool operator==(const IpRange&, const IpRange&) = default;
};
/// xt_mac.h
struct MacSource {
  Mac mac;
  bool negated = false;
  friend bool operator==(const MacSource&, const MacSource&) = default;
};
/// xt_dscp.h
struct Dscp {
  std::uint8_t value = 0;
  bool negated = false;
  friend bool operator==(const Dscp&, const Dscp&) = default;
};
using Ports = Span<std::uint16_t>;
/// xt_tcpudp.h: struct xt_tcp
struct Tcp {
  std::optional<Ports> source, target;
  std::optional<std::array<std::uint8_t, 2>> flags;  ///< those looked at, and those of them that are set
  bool flags_negated = false;
  std::optional<Number> option;
  friend bool operator==(const Tcp&, const Tcp&) = default;
};
/// xt_tcpudp.h: struct xt_udp
struct Udp {
  std::optional<Ports> source, target;
  friend bool operator==(const Udp&, const Udp&) = default;
};
/// xt_sctp.h
struct Sctp {
  std::optional<Ports> source, target;
  friend bool operator==(const Sctp&, const Sctp&) = default;
};
/// ip_tables.h: struct ipt_icmp; ip6_tables.h: struct ip6t_icmp. The type and a range of codes, negated together.
struct Icmp {
  std::uint8_t type = 0;
  std::uint8_t code_low = 0, code_high = 255;
  bool negated = false;
  friend bool operator==(const Icmp&, const Icmp&) = default;
};
/// ip6t_ah.h: the packet has an authentication header. To ip6tables that is no protocol, but one more header in front.
struct AuthHeader {
  friend bool operator==(const AuthHeader&, const AuthHeader&) = default;
};
/// xt_connlimit.h: more than `above` connections stand from the packet's source address (negated: no more).
struct ConnLimit {
  std::uint32_t above = 0;
  bool negated = false;
  friend bool operator==(const ConnLimit&, const ConnLimit&) = default;
};
/// xt_set.h: addresses and ports of the packet, as many as the set has dimensions, are in an ipset.
struct InSet {
  std::string name;
  std::vector<bool> target;  ///< for each dimension: the packet's target, else its source
  bool negated = false;
  friend bool operator==(const InSet&, const InSet&) = default;
};
/// xt_comment.h
struct Comment {
  std::string text;
  friend bool operator==(const Comment&, const Comment&) = default;
};

}  // namespace match

using IpMatch = std::variant<match::Physdev, match::State, match::CtDirection, match::IpRange, match::MacSource,
                             match::Dscp, match::Tcp, match::Udp, match::Sctp, match::Icmp, match::AuthHeader,
                             match::ConnLimit, match::InSet, match::Comment>;

namespace target {

/// To a chain, or one of the verdicts ACCEPT, DROP, RETURN; empty: on to the next rule.
struct Jump {
  std::string to;
  bool go_to = false;  ///< whoever returns from there returns to the caller of this chain
  friend bool operator==(const Jump&, const Jump&) = default;
};
/// ipt_REJECT.h, ip6t_REJECT.h: port unreachable.
struct Reject {
  friend bool operator==(const Reject&, const Reject&) = default;
};
/// nf_nat.h: the address of the interface that the packet leaves by; ports from a range, where one is given.
struct Masquerade {
  std::optional<Span<std::uint16_t>> ports;
  friend bool operator==(const Masquerade&, const Masquerade&) = default;
};
/// nf_nat.h: SNAT in POSTROUTING, DNAT in PREROUTING and OUTPUT.
struct Nat {
  bool source = true;
  std::optional<Span<IpAddress>> addresses;
  std::optional<Span<std::uint16_t>> ports;
  friend bool operator==(const Nat&, const Nat&) = default;
};
/// xt_CHECKSUM.h: fill.
struct Checksum {
  friend bool operator==(const Checksum&, const Checksum&) = default;
};

}  // namespace target

using IpTarget = std::variant<target::Jump, target::Reject, target::Masquerade, target::Nat, target::Checksum>;

/// A rule of iptables or ip6tables.
struct IpRule {
  std::optional<Masked> source, destination;
  std::string in, out;                   ///< names of interfaces; empty: any
  std::optional<std::uint8_t> protocol;  ///< behind IPv6 extension headers
  std::vector<IpMatch> matches;
  IpTarget target = target::Jump{};
  Origin origin = {};
  friend bool operator==(const IpRule&, const IpRule&) = default;
};

/// The matches of ebtables' rules. A field that is not given matches all.
namespace match {

/// ebt_ip.h, ebt_ip6.h
struct EbIp {
  bool ipv6 = false;
  std::optional<Masked> source, destination;
  std::optional<Number> traffic_class;  ///< the whole byte
  std::optional<Number> protocol;
  std::optional<Ports> source_ports, target_ports;
  std::optional<Span<std::uint8_t>> icmp_type;  ///< ICMPv6 only; its `negated` is of both
  std::optional<Span<std::uint8_t>> icmp_code;
  friend bool operator==(const EbIp&, const EbIp&) = default;
};
/// ebt_arp.h
struct EbArp {
  std::optional<Number> hardware_type, protocol_type, opcode;
  std::optional<Masked> source_ip, target_ip, source_mac, target_mac;
  std::optional<bool> gratuitous;  ///< false: is not
  friend bool operator==(const EbArp&, const EbArp&) = default;
};
/// ebt_vlan.h
struct EbVlan {
  std::optional<Number> id, encapsulated;
  friend bool operator==(const EbVlan&, const EbVlan&) = default;
};
/// ebt_stp.h
struct EbStp {
  std::optional<Number> type, flags;
  std::optional<Span<std::uint32_t>> root_priority, root_cost, sender_priority, port, message_age, max_age, hello_time,
      forward_delay;
  std::optional<Masked> root_address, sender_address;
  friend bool operator==(const EbStp&, const EbStp&) = default;
};

}  // namespace match

using EthernetMatch = std::variant<match::EbIp, match::EbArp, match::EbVlan, match::EbStp>;

/// A rule of ebtables.
struct EthernetRule {
  std::string in, out;             ///< names of bridge ports; empty: any
  std::optional<Number> protocol;  ///< the frame's type
  std::optional<Masked> source, destination;
  std::vector<EthernetMatch> matches;
  std::string target;  ///< ACCEPT, DROP, RETURN, CONTINUE, or a chain
  Origin origin = {};
  friend bool operator==(const EthernetRule&, const EthernetRule&) = default;
};

}  // namespace nwf::legacy
