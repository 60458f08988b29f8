// SPDX-License-Identifier: GPL-2.0-or-later
// Where an attribute's value lies in a packet.
//
// Offsets: IEEE 802.3 and 802.1Q (link), RFC 826 (ARP), RFC 791, RFC 8200, RFC 9293, RFC 768, RFC 9260, RFC 792,
// IEEE 802.1D (BPDU, behind the three bytes of LLC).
#pragma once

#include "engine/model/fields.h"
#include "engine/program/program.h"

namespace nwf {

namespace ethertype {
constexpr std::uint16_t kIpv4 = 0x0800, kArp = 0x0806, kRarp = 0x8035, kVlan = 0x8100, kIpv6 = 0x86dd;
}

/// The frame's own type field: 0x8100 for a frame that carries a VLAN tag, also where the kernel keeps the tag aside.
PacketField ether_type_field();
/// The transport protocol.
PacketField l4proto_field();
/// ARP's hardware and protocol address lengths, one byte each.
PacketField arp_hardware_length_field();
PacketField arp_protocol_length_field();
/// The six fixed bytes before the type of a BPDU: LLC header, protocol identifier, version.
PacketField stp_header_field();
/// Source and target port at once.
PacketField port_pair_field();

/// The field of an attribute as `protocol` sees it. Only for fields that are bytes of a packet with a plain
/// meaning (not State, ConnlimitAbove, Ipset, TcpOption, ArpGratuitous, Comment, masks and range ends).
PacketField packet_field(Field field, Protocol protocol);

/// True when a variable in this field can be a set element: the packet shows its bytes as they are.
bool can_be_set_key(Field field);

/// What every packet of the protocol has: its EtherType, or for stp the bridge group address. Nothing for mac,
/// for a rule without protocol, and for the inet layer (there the flow's chains guard).
std::optional<test::Compare> protocol_guard(Protocol protocol);

}  // namespace nwf
