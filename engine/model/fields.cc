// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/fields.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace nwf {
namespace {

struct ProtocolRow {
  Protocol protocol;
  std::string_view name;
  Layer layer;
  bool ipv6;
  int number;  ///< IANA protocol number, or -1
};

constexpr std::array<ProtocolRow, kProtocolCount> kProtocols{{
    {Protocol::None, "", Layer::Ethernet, false, -1},
    {Protocol::Mac, "mac", Layer::Ethernet, false, -1},
    {Protocol::Vlan, "vlan", Layer::Ethernet, false, -1},
    {Protocol::Stp, "stp", Layer::Ethernet, false, -1},
    {Protocol::Arp, "arp", Layer::Ethernet, false, -1},
    {Protocol::Rarp, "rarp", Layer::Ethernet, false, -1},
    {Protocol::Ip, "ip", Layer::Ethernet, false, -1},
    {Protocol::Ipv6, "ipv6", Layer::Ethernet, false, -1},
    {Protocol::Tcp, "tcp", Layer::Inet, false, 6},
    {Protocol::Udp, "udp", Layer::Inet, false, 17},
    {Protocol::Sctp, "sctp", Layer::Inet, false, 132},
    {Protocol::Icmp, "icmp", Layer::Inet, false, 1},
    {Protocol::Igmp, "igmp", Layer::Inet, false, 2},
    {Protocol::Udplite, "udplite", Layer::Inet, false, 136},
    {Protocol::Esp, "esp", Layer::Inet, false, 50},
    {Protocol::Ah, "ah", Layer::Inet, false, 51},
    {Protocol::All, "all", Layer::Inet, false, -1},
    {Protocol::TcpIpv6, "tcp-ipv6", Layer::Inet, true, 6},
    {Protocol::UdpIpv6, "udp-ipv6", Layer::Inet, true, 17},
    {Protocol::SctpIpv6, "sctp-ipv6", Layer::Inet, true, 132},
    {Protocol::Icmpv6, "icmpv6", Layer::Inet, true, 58},
    {Protocol::UdpliteIpv6, "udplite-ipv6", Layer::Inet, true, 136},
    {Protocol::EspIpv6, "esp-ipv6", Layer::Inet, true, 50},
    {Protocol::AhIpv6, "ah-ipv6", Layer::Inet, true, 51},
    {Protocol::AllIpv6, "all-ipv6", Layer::Inet, true, -1},
}};

constexpr const ProtocolRow& protocol_row(Protocol protocol) { return kProtocols[static_cast<std::size_t>(protocol)]; }

constexpr ProtocolSet kArp = bit(Protocol::Arp) | bit(Protocol::Rarp);
constexpr ProtocolSet kEthernet =
    bit(Protocol::Mac) | bit(Protocol::Vlan) | kArp | bit(Protocol::Ip) | bit(Protocol::Ipv6);
constexpr ProtocolSet kInet4 = bit(Protocol::Tcp) | bit(Protocol::Udp) | bit(Protocol::Sctp) | bit(Protocol::Icmp) |
                               bit(Protocol::Igmp) | bit(Protocol::Udplite) | bit(Protocol::Esp) | bit(Protocol::Ah) |
                               bit(Protocol::All);
constexpr ProtocolSet kInet6 = bit(Protocol::TcpIpv6) | bit(Protocol::UdpIpv6) | bit(Protocol::SctpIpv6) |
                               bit(Protocol::Icmpv6) | bit(Protocol::UdpliteIpv6) | bit(Protocol::EspIpv6) |
                               bit(Protocol::AhIpv6) | bit(Protocol::AllIpv6);
constexpr ProtocolSet kInet = kInet4 | kInet6;
constexpr ProtocolSet kPorts = bit(Protocol::Ip) | bit(Protocol::Ipv6) | bit(Protocol::Tcp) | bit(Protocol::Udp) |
                               bit(Protocol::Sctp) | bit(Protocol::TcpIpv6) | bit(Protocol::UdpIpv6) |
                               bit(Protocol::SctpIpv6);
constexpr ProtocolSet kTcp = bit(Protocol::Tcp) | bit(Protocol::TcpIpv6);
constexpr ProtocolSet kIcmp = bit(Protocol::Icmp) | bit(Protocol::Icmpv6) | bit(Protocol::Ipv6);
constexpr ProtocolSet kStp = bit(Protocol::Stp);
constexpr ProtocolSet kAny4 = bit(Protocol::Ip) | kInet4;
constexpr ProtocolSet kAny6 = bit(Protocol::Ipv6) | kInet6;

/// A value without companions that the other direction does not change.
constexpr FieldRow plain(Field field, std::string_view name, ValueKind kind, ProtocolSet protocols,
                         bool variables = true) {
  return {field, name, kind, protocols, Role::Value, field, field, variables};
}
/// A value with a counterpart on the other side.
constexpr FieldRow side(Field field, std::string_view name, ValueKind kind, ProtocolSet protocols, Field mirror) {
  return {field, name, kind, protocols, Role::Value, field, mirror, true};
}
constexpr FieldRow mask(Field field, std::string_view name, ValueKind kind, ProtocolSet protocols, Field base,
                        Field mirror) {
  return {field, name, kind, protocols, Role::Mask, base, mirror, true};
}
constexpr FieldRow end(Field field, std::string_view name, ValueKind kind, ProtocolSet protocols, Field base,
                       Field mirror) {
  return {field, name, kind, protocols, Role::RangeEnd, base, mirror, true};
}
constexpr FieldRow stp_range_end(Field field, std::string_view name, ValueKind kind, Field base) {
  return {field, name, kind, kStp, Role::RangeEnd, base, field, true};
}

using F = Field;
using K = ValueKind;

constexpr auto kRows = std::to_array<FieldRow>({
    side(F::SrcMac, "srcmacaddr", K::MacAddress, kEthernet | kStp | kInet, F::DstMac),
    mask(F::SrcMacMask, "srcmacmask", K::MacMask, kEthernet | kStp, F::SrcMac, F::DstMacMask),
    side(F::DstMac, "dstmacaddr", K::MacAddress, kEthernet, F::SrcMac),
    mask(F::DstMacMask, "dstmacmask", K::MacMask, kEthernet, F::DstMac, F::SrcMacMask),

    plain(F::EtherType, "protocolid", K::EtherType, bit(Protocol::Mac)),
    plain(F::VlanId, "vlanid", K::VlanId, bit(Protocol::Vlan)),
    plain(F::VlanEncap, "encap-protocol", K::VlanEncap, bit(Protocol::Vlan)),

    plain(F::StpType, "type", K::Uint8, kStp),
    plain(F::StpFlags, "flags", K::Uint8, kStp),
    plain(F::StpRootPriority, "root-priority", K::Uint16, kStp),
    stp_range_end(F::StpRootPriorityHi, "root-priority-hi", K::Uint16, F::StpRootPriority),
    plain(F::StpRootAddress, "root-address", K::MacAddress, kStp),
    mask(F::StpRootAddressMask, "root-address-mask", K::MacMask, kStp, F::StpRootAddress, F::StpRootAddressMask),
    plain(F::StpRootCost, "root-cost", K::Uint32, kStp),
    stp_range_end(F::StpRootCostHi, "root-cost-hi", K::Uint32, F::StpRootCost),
    plain(F::StpSenderPriority, "sender-priority", K::Uint16, kStp),
    stp_range_end(F::StpSenderPriorityHi, "sender-priority-hi", K::Uint16, F::StpSenderPriority),
    plain(F::StpSenderAddress, "sender-address", K::MacAddress, kStp),
    mask(F::StpSenderAddressMask, "sender-address-mask", K::MacMask, kStp, F::StpSenderAddress,
         F::StpSenderAddressMask),
    plain(F::StpPort, "port", K::Uint16, kStp),
    stp_range_end(F::StpPortHi, "port-hi", K::Uint16, F::StpPort),
    plain(F::StpAge, "age", K::Uint16, kStp),
    stp_range_end(F::StpAgeHi, "age-hi", K::Uint16, F::StpAge),
    plain(F::StpMaxAge, "max-age", K::Uint16, kStp),
    stp_range_end(F::StpMaxAgeHi, "max-age-hi", K::Uint16, F::StpMaxAge),
    plain(F::StpHelloTime, "hello-time", K::Uint16, kStp),
    stp_range_end(F::StpHelloTimeHi, "hello-time-hi", K::Uint16, F::StpHelloTime),
    plain(F::StpForwardDelay, "forward-delay", K::Uint16, kStp),
    stp_range_end(F::StpForwardDelayHi, "forward-delay-hi", K::Uint16, F::StpForwardDelay),

    plain(F::ArpHwType, "hwtype", K::Uint16, kArp),
    plain(F::ArpProtocolType, "protocoltype", K::Uint16, kArp),
    plain(F::ArpOpcode, "opcode", K::ArpOpcode, kArp),
    side(F::ArpSrcMac, "arpsrcmacaddr", K::MacAddress, kArp, F::ArpDstMac),
    side(F::ArpDstMac, "arpdstmacaddr", K::MacAddress, kArp, F::ArpSrcMac),
    side(F::ArpSrcIp, "arpsrcipaddr", K::Ipv4Address, kArp, F::ArpDstIp),
    mask(F::ArpSrcIpMask, "arpsrcipmask", K::Ipv4Mask, kArp, F::ArpSrcIp, F::ArpDstIpMask),
    side(F::ArpDstIp, "arpdstipaddr", K::Ipv4Address, kArp, F::ArpSrcIp),
    mask(F::ArpDstIpMask, "arpdstipmask", K::Ipv4Mask, kArp, F::ArpDstIp, F::ArpSrcIpMask),
    plain(F::ArpGratuitous, "gratuitous", K::Boolean, kArp, false),

    side(F::SrcIp4, "srcipaddr", K::Ipv4Address, kAny4, F::DstIp4),
    mask(F::SrcIp4Mask, "srcipmask", K::Ipv4Mask, kAny4, F::SrcIp4, F::DstIp4Mask),
    side(F::DstIp4, "dstipaddr", K::Ipv4Address, kAny4, F::SrcIp4),
    mask(F::DstIp4Mask, "dstipmask", K::Ipv4Mask, kAny4, F::DstIp4, F::SrcIp4Mask),
    side(F::SrcIp4From, "srcipfrom", K::Ipv4Address, kInet4, F::DstIp4From),
    end(F::SrcIp4To, "srcipto", K::Ipv4Address, kInet4, F::SrcIp4From, F::DstIp4To),
    side(F::DstIp4From, "dstipfrom", K::Ipv4Address, kInet4, F::SrcIp4From),
    end(F::DstIp4To, "dstipto", K::Ipv4Address, kInet4, F::DstIp4From, F::SrcIp4To),
    side(F::SrcIp6, "srcipaddr", K::Ipv6Address, kAny6, F::DstIp6),
    mask(F::SrcIp6Mask, "srcipmask", K::Ipv6Mask, kAny6, F::SrcIp6, F::DstIp6Mask),
    side(F::DstIp6, "dstipaddr", K::Ipv6Address, kAny6, F::SrcIp6),
    mask(F::DstIp6Mask, "dstipmask", K::Ipv6Mask, kAny6, F::DstIp6, F::SrcIp6Mask),
    side(F::SrcIp6From, "srcipfrom", K::Ipv6Address, kInet6, F::DstIp6From),
    end(F::SrcIp6To, "srcipto", K::Ipv6Address, kInet6, F::SrcIp6From, F::DstIp6To),
    side(F::DstIp6From, "dstipfrom", K::Ipv6Address, kInet6, F::SrcIp6From),
    end(F::DstIp6To, "dstipto", K::Ipv6Address, kInet6, F::DstIp6From, F::SrcIp6To),

    plain(F::IpProtocol, "protocol", K::IpProtocol, bit(Protocol::Ip) | bit(Protocol::Ipv6)),
    side(F::SrcPortStart, "srcportstart", K::Uint16, kPorts, F::DstPortStart),
    end(F::SrcPortEnd, "srcportend", K::Uint16, kPorts, F::SrcPortStart, F::DstPortEnd),
    side(F::DstPortStart, "dstportstart", K::Uint16, kPorts, F::SrcPortStart),
    end(F::DstPortEnd, "dstportend", K::Uint16, kPorts, F::DstPortStart, F::SrcPortEnd),
    plain(F::Dscp, "dscp", K::Dscp, bit(Protocol::Ip) | kInet),

    plain(F::IcmpType, "type", K::Uint8, kIcmp),
    end(F::IcmpTypeEnd, "typeend", K::Uint8, bit(Protocol::Ipv6), F::IcmpType, F::IcmpTypeEnd),
    plain(F::IcmpCode, "code", K::Uint8, kIcmp),
    end(F::IcmpCodeEnd, "codeend", K::Uint8, bit(Protocol::Ipv6), F::IcmpCode, F::IcmpCodeEnd),
    plain(F::TcpFlags, "flags", K::TcpFlags, bit(Protocol::Tcp), false),
    plain(F::TcpOption, "option", K::Uint8, kTcp),

    plain(F::ConnlimitAbove, "connlimit-above", K::Connections, kInet),
    plain(F::State, "state", K::ConnState, kInet, false),
    plain(F::Ipset, "ipset", K::IpsetName, kInet),
    plain(F::IpsetFlags, "ipsetflags", K::IpsetFlags, kInet, false),
    plain(F::Comment, "comment", K::Comment, kEthernet | kStp | kInet, false),
});

constexpr bool in_enum_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (static_cast<std::size_t>(kRows[i].field) != i) return false;
  return true;
}
static_assert(in_enum_order(), "row_of() finds a row by its field's number");

}  // namespace

Layer layer_of(Protocol protocol) { return protocol_row(protocol).layer; }
bool is_ipv6(Protocol protocol) { return protocol_row(protocol).ipv6; }
std::string_view protocol_name(Protocol protocol) { return protocol_row(protocol).name; }
int ip_protocol_of(Protocol protocol) { return protocol_row(protocol).number; }

bool parse_protocol(std::string_view name, Protocol& out) {
  for (const ProtocolRow& row : kProtocols)
    if (row.protocol != Protocol::None && row.name == name) {
      out = row.protocol;
      return true;
    }
  return false;
}

std::span<const FieldRow> field_rows() { return kRows; }

const FieldRow& row_of(Field field) { return kRows[static_cast<std::size_t>(field)]; }

const FieldRow* find_field(Protocol protocol, std::string_view attribute) {
  const auto found = std::find_if(kRows.begin(), kRows.end(), [&](const FieldRow& row) {
    return row.name == attribute && (row.protocols & bit(protocol)) != 0;
  });
  return found == kRows.end() ? nullptr : &*found;
}

bool is_attribute_of_any(std::string_view attribute) {
  return std::any_of(kRows.begin(), kRows.end(), [&](const FieldRow& row) { return row.name == attribute; });
}

}  // namespace nwf
