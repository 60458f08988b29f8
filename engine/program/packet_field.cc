// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/packet_field.h"

#include <cassert>

namespace nwf {
namespace {

PacketField link(std::uint32_t offset, std::uint32_t length, KeyType type, Bytes mask = {}) {
  return {PayloadBase::Link, offset, length, std::move(mask), type, false};
}
PacketField network(std::uint32_t offset, std::uint32_t length, KeyType type, Bytes mask = {}) {
  return {PayloadBase::Network, offset, length, std::move(mask), type, false};
}
PacketField transport(std::uint32_t offset, std::uint32_t length, KeyType type) {
  return {PayloadBase::Transport, offset, length, {}, type, false};
}

PacketField dscp_field(Protocol protocol) {
  // ebtables' --ip-tos compares the whole byte; libvirt 9.0 hands it the dscp unshifted.
  if (protocol == Protocol::Ip) return network(1, 1, KeyType::Integer);
  if (is_ipv6(protocol)) return network(0, 2, KeyType::Integer, {0x0f, 0xc0});
  return network(1, 1, KeyType::Integer, {0xfc});
}

}  // namespace

PacketField ether_type_field() { return link(12, 2, KeyType::EtherType); }

PacketField l4proto_field() { return {PayloadBase::Network, 0, 1, {}, KeyType::InetProto, true}; }

PacketField arp_hardware_length_field() { return network(4, 1, KeyType::Integer); }

PacketField arp_protocol_length_field() { return network(5, 1, KeyType::Integer); }

PacketField port_pair_field() { return {PayloadBase::Transport, 0, 4, {}, KeyType::Integer, false}; }

PacketField stp_header_field() { return network(0, 6, KeyType::Integer); }

namespace {

/// The field's place and its type where nft knows the packet's protocol.
PacketField place_of(Field field, Protocol protocol) {
  switch (field) {
    case Field::SrcMac:
      return link(6, 6, KeyType::EtherAddr);
    case Field::DstMac:
      return link(0, 6, KeyType::EtherAddr);
    case Field::EtherType:
      return ether_type_field();
    case Field::VlanId:
      return link(14, 2, KeyType::Integer, {0x0f, 0xff});
    case Field::VlanEncap:
      return link(16, 2, KeyType::EtherType);
    // The kernel's stp match (linux: net/bridge/netfilter/ebt_stp.c) takes the protocol identifier for one byte, which
    // has two: its type is the version, its flags are the type, and so on to the end. It is what a filter does in
    // libvirt.
    case Field::StpType:
      return network(5, 1, KeyType::Integer);
    case Field::StpFlags:
      return network(6, 1, KeyType::Integer);
    case Field::StpRootPriority:
      return network(7, 2, KeyType::Integer);
    case Field::StpRootAddress:
      return network(9, 6, KeyType::EtherAddr);
    case Field::StpRootCost:
      return network(15, 4, KeyType::Integer);
    case Field::StpSenderPriority:
      return network(19, 2, KeyType::Integer);
    case Field::StpSenderAddress:
      return network(21, 6, KeyType::EtherAddr);
    case Field::StpPort:
      return network(27, 2, KeyType::Integer);
    case Field::StpAge:
      return network(29, 2, KeyType::Integer);
    case Field::StpMaxAge:
      return network(31, 2, KeyType::Integer);
    case Field::StpHelloTime:
      return network(33, 2, KeyType::Integer);
    case Field::StpForwardDelay:
      return network(35, 2, KeyType::Integer);
    case Field::ArpHwType:
      return network(0, 2, KeyType::Integer);
    case Field::ArpProtocolType:
      return network(2, 2, KeyType::EtherType);
    case Field::ArpOpcode:
      return network(6, 2, KeyType::ArpOp);
    case Field::ArpSrcMac:
      return network(8, 6, KeyType::EtherAddr);
    case Field::ArpSrcIp:
      return network(14, 4, KeyType::Ipv4Addr);
    case Field::ArpDstMac:
      return network(18, 6, KeyType::EtherAddr);
    case Field::ArpDstIp:
      return network(24, 4, KeyType::Ipv4Addr);
    case Field::SrcIp4:
    case Field::SrcIp4From:
      return network(12, 4, KeyType::Ipv4Addr);
    case Field::DstIp4:
    case Field::DstIp4From:
      return network(16, 4, KeyType::Ipv4Addr);
    case Field::SrcIp6:
    case Field::SrcIp6From:
      return network(8, 16, KeyType::Ipv6Addr);
    case Field::DstIp6:
    case Field::DstIp6From:
      return network(24, 16, KeyType::Ipv6Addr);
    case Field::IpProtocol:
      return protocol == Protocol::Ip ? network(9, 1, KeyType::InetProto) : l4proto_field();
    case Field::SrcPortStart:
      return transport(0, 2, KeyType::InetService);
    case Field::DstPortStart:
      return transport(2, 2, KeyType::InetService);
    case Field::Dscp:
      return dscp_field(protocol);
    case Field::IcmpType:
      return transport(0, 1, protocol == Protocol::Icmp ? KeyType::IcmpType : KeyType::Icmpv6Type);
    case Field::IcmpCode:
      return transport(1, 1, KeyType::Integer);
    case Field::TcpFlags:
      return transport(13, 1, KeyType::Integer);
    case Field::SrcMacMask:
    case Field::DstMacMask:
    case Field::StpRootPriorityHi:
    case Field::StpRootAddressMask:
    case Field::StpRootCostHi:
    case Field::StpSenderPriorityHi:
    case Field::StpSenderAddressMask:
    case Field::StpPortHi:
    case Field::StpAgeHi:
    case Field::StpMaxAgeHi:
    case Field::StpHelloTimeHi:
    case Field::StpForwardDelayHi:
    case Field::ArpSrcIpMask:
    case Field::ArpDstIpMask:
    case Field::ArpGratuitous:
    case Field::SrcIp4Mask:
    case Field::DstIp4Mask:
    case Field::SrcIp4To:
    case Field::DstIp4To:
    case Field::SrcIp6Mask:
    case Field::DstIp6Mask:
    case Field::SrcIp6To:
    case Field::DstIp6To:
    case Field::SrcPortEnd:
    case Field::DstPortEnd:
    case Field::IcmpTypeEnd:
    case Field::IcmpCodeEnd:
    case Field::TcpOption:
    case Field::ConnlimitAbove:
    case Field::State:
    case Field::Ipset:
    case Field::IpsetFlags:
    case Field::Comment:
      break;
  }
  assert(false && "not a field of a packet");
  return {};
}

}  // namespace

PacketField packet_field(Field field, Protocol protocol) {
  PacketField at = place_of(field, protocol);
  // nft names nothing in RARP packets and BPDUs, nor the target address before a VLAN tag: bare numbers.
  const bool bare = at.base == PayloadBase::Network ? protocol == Protocol::Rarp || protocol == Protocol::Stp
                                                    : protocol == Protocol::Vlan && field == Field::DstMac;
  if (bare) at.type = KeyType::Integer;
  return at;
}

bool can_be_set_key(Field field) {
  switch (field) {
    case Field::SrcMac:
    case Field::DstMac:
    case Field::EtherType:
    case Field::VlanId:
    case Field::ArpHwType:
    case Field::ArpProtocolType:
    case Field::ArpOpcode:
    case Field::ArpSrcMac:
    case Field::ArpSrcIp:
    case Field::ArpDstMac:
    case Field::ArpDstIp:
    case Field::SrcIp4:
    case Field::DstIp4:
    case Field::SrcIp6:
    case Field::DstIp6:
    case Field::IpProtocol:
    case Field::SrcPortStart:
    case Field::DstPortStart:
      return true;
    default:
      return false;  // a dscp is shifted, an ICMP type may mean "any", the rest are no plain fields
  }
}

std::optional<test::Compare> protocol_guard(Protocol protocol) {
  const auto type = [](std::uint16_t value) { return test::Compare{ether_type_field(), to_bytes(value, 2), false}; };
  switch (protocol) {
    case Protocol::Vlan:
      return type(ethertype::kVlan);
    case Protocol::Arp:
      return type(ethertype::kArp);
    case Protocol::Rarp:
      return type(ethertype::kRarp);
    case Protocol::Ip:
      return type(ethertype::kIpv4);
    case Protocol::Ipv6:
      return type(ethertype::kIpv6);
    // IEEE 802.1D: the bridge group address
    case Protocol::Stp:
      return test::Compare{packet_field(Field::DstMac, protocol), {0x01, 0x80, 0xc2, 0, 0, 0}, false};
    default:
      return std::nullopt;
  }
}

}  // namespace nwf
