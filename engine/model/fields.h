// SPDX-License-Identifier: GPL-2.0-or-later
// THE table: one row per attribute that a rule's protocol element can have.
//
// The reader of filters, their writer, the program compiler and the documentation all work from these rows;
// a new attribute is a new row. Facts: libvirt's nwfilter.rng and, where it and libvirt 9.0 disagree,
// what libvirt 9.0 was seen to do (docs/compatibility.md).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/model/value.h"

namespace nwf {

/// The protocol element of a rule. None is a rule without one: it matches every frame, ethernet layer.
enum class Protocol : std::uint8_t {
  None,
  Mac,
  Vlan,
  Stp,
  Arp,
  Rarp,
  Ip,
  Ipv6,  // ethernet layer
  Tcp,
  Udp,
  Sctp,
  Icmp,
  Igmp,
  Udplite,
  Esp,
  Ah,
  All,  // inet layer, IPv4
  TcpIpv6,
  UdpIpv6,
  SctpIpv6,
  Icmpv6,
  UdpliteIpv6,
  EspIpv6,
  AhIpv6,
  AllIpv6,  // inet layer, IPv6
};
constexpr int kProtocolCount = 25;

/// A set of protocols, one bit each.
using ProtocolSet = std::uint32_t;
constexpr ProtocolSet bit(Protocol p) { return ProtocolSet{1} << static_cast<int>(p); }

/// Where a packet's verdict is formed. Both layers must accept.
enum class Layer : std::uint8_t { Ethernet, Inet };

Layer layer_of(Protocol protocol);
/// True for the inet-layer protocols over IPv6.
bool is_ipv6(Protocol protocol);
/// The element's name in XML; empty for None.
std::string_view protocol_name(Protocol protocol);
/// False when there is no such element.
bool parse_protocol(std::string_view name, Protocol& out);
/// The IP protocol number an inet-layer protocol implies, or -1 (all, all-ipv6 and the ethernet layer).
int ip_protocol_of(Protocol protocol);

/// Identity of an attribute's meaning. IPv4 and IPv6 addresses are different fields under one name.
enum class Field : std::uint8_t {
  SrcMac,
  SrcMacMask,
  DstMac,
  DstMacMask,
  EtherType,
  VlanId,
  VlanEncap,
  StpType,
  StpFlags,
  StpRootPriority,
  StpRootPriorityHi,
  StpRootAddress,
  StpRootAddressMask,
  StpRootCost,
  StpRootCostHi,
  StpSenderPriority,
  StpSenderPriorityHi,
  StpSenderAddress,
  StpSenderAddressMask,
  StpPort,
  StpPortHi,
  StpAge,
  StpAgeHi,
  StpMaxAge,
  StpMaxAgeHi,
  StpHelloTime,
  StpHelloTimeHi,
  StpForwardDelay,
  StpForwardDelayHi,
  ArpHwType,
  ArpProtocolType,
  ArpOpcode,
  ArpSrcMac,
  ArpDstMac,
  ArpSrcIp,
  ArpSrcIpMask,
  ArpDstIp,
  ArpDstIpMask,
  ArpGratuitous,
  SrcIp4,
  SrcIp4Mask,
  DstIp4,
  DstIp4Mask,
  SrcIp4From,
  SrcIp4To,
  DstIp4From,
  DstIp4To,
  SrcIp6,
  SrcIp6Mask,
  DstIp6,
  DstIp6Mask,
  SrcIp6From,
  SrcIp6To,
  DstIp6From,
  DstIp6To,
  IpProtocol,
  SrcPortStart,
  SrcPortEnd,
  DstPortStart,
  DstPortEnd,
  Dscp,
  IcmpType,
  IcmpTypeEnd,
  IcmpCode,
  IcmpCodeEnd,
  TcpFlags,
  TcpOption,
  ConnlimitAbove,
  State,
  Ipset,
  IpsetFlags,
  Comment,
};

/// What an attribute is to the others of its element.
enum class Role : std::uint8_t {
  Value,     ///< stands for itself
  Mask,      ///< mask of `base`
  RangeEnd,  ///< upper end of a range that starts with `base`
};

struct FieldRow {
  Field field;
  std::string_view name;  ///< the attribute's name in XML
  ValueKind kind;
  ProtocolSet protocols;  ///< elements that take it
  Role role;
  Field base;      ///< for Mask and RangeEnd; else the field itself
  Field mirror;    ///< the field it stands for seen from the other direction; else itself
  bool variables;  ///< may be given as `$NAME`
};

/// All rows, in the order in which dumpxml prints attributes.
std::span<const FieldRow> field_rows();
const FieldRow& row_of(Field field);
/// The row for an attribute of a protocol element, or nullptr.
const FieldRow* find_field(Protocol protocol, std::string_view attribute);
/// True when some protocol has an attribute of this name.
bool is_attribute_of_any(std::string_view attribute);

}  // namespace nwf
