// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/packet_field.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nwf {
namespace {

// A packet as the kernel's payload expressions see it: where its three bases lie in the frame.
struct Frame {
  Bytes bytes;
  std::size_t network = 14;
  std::size_t transport = 0;
};

Bytes masked_bytes(const Frame& frame, const PacketField& field) {
  const std::size_t base = field.base == PayloadBase::Link      ? 0
                           : field.base == PayloadBase::Network ? frame.network
                                                                : frame.transport;
  Bytes out;
  for (std::size_t i = 0; i < field.length; ++i) {
    const std::uint8_t byte = frame.bytes.at(base + field.offset + i);
    out.push_back(field.mask.empty() ? byte : static_cast<std::uint8_t>(byte & field.mask.at(i)));
  }
  return out;
}

Frame frame_of(const std::vector<Bytes>& parts, std::size_t network, std::size_t transport = 0) {
  Frame frame{{}, network, transport};
  for (const Bytes& part : parts) frame.bytes.insert(frame.bytes.end(), part.begin(), part.end());
  return frame;
}

const Bytes kDst = {0x52, 0x54, 0, 0, 0, 0xd1};
const Bytes kSrc = {0x52, 0x54, 0, 0, 0, 0x51};

struct Expected {
  Field field;
  Bytes bytes;
};

void expect_fields(const Frame& frame, Protocol protocol, const std::vector<Expected>& all) {
  for (const Expected& expected : all) {
    SCOPED_TRACE(std::string(protocol_name(protocol)) + " " + std::string(row_of(expected.field).name));
    EXPECT_EQ(masked_bytes(frame, packet_field(expected.field, protocol)), expected.bytes);
  }
}

TEST(PacketField, OfEthernet) {
  const Frame frame = frame_of({kDst, kSrc, {0x88, 0xcc}}, 14);
  expect_fields(frame, Protocol::Mac, {{Field::DstMac, kDst}, {Field::SrcMac, kSrc}, {Field::EtherType, {0x88, 0xcc}}});
  EXPECT_EQ(masked_bytes(frame, ether_type_field()), (Bytes{0x88, 0xcc}));
}

// Priority and drop-eligible bits share two bytes with the VLAN's number.
TEST(PacketField, OfAVlanTag) {
  const Frame frame = frame_of({kDst, kSrc, {0x81, 0, 0xf1, 0x23, 0x08, 0x06}}, 18);
  expect_fields(frame, Protocol::Vlan, {{Field::VlanId, {0x01, 0x23}}, {Field::VlanEncap, {0x08, 0x06}}});
  EXPECT_EQ(masked_bytes(frame, ether_type_field()), (Bytes{0x81, 0x00}));
}

TEST(PacketField, OfArp) {
  const Frame frame = frame_of({kDst,
                                kSrc,
                                {0x08, 0x06},
                                {0, 1, 0x08, 0, 6, 4, 0, 2},
                                {1, 1, 1, 1, 1, 1},
                                {192, 0, 2, 1},
                                {2, 2, 2, 2, 2, 2},
                                {192, 0, 2, 2}},
                               14);
  for (const Protocol protocol : {Protocol::Arp, Protocol::Rarp})
    expect_fields(frame, protocol,
                  {{Field::ArpHwType, {0, 1}},
                   {Field::ArpProtocolType, {8, 0}},
                   {Field::ArpOpcode, {0, 2}},
                   {Field::ArpSrcMac, Bytes(6, 1)},
                   {Field::ArpDstMac, Bytes(6, 2)},
                   {Field::ArpSrcIp, {192, 0, 2, 1}},
                   {Field::ArpDstIp, {192, 0, 2, 2}},
                   {Field::SrcMac, kSrc}});
  EXPECT_EQ(masked_bytes(frame, arp_hardware_length_field()), Bytes{6});
  EXPECT_EQ(masked_bytes(frame, arp_protocol_length_field()), Bytes{4});
}

TEST(PacketField, OfABpdu) {
  const Frame frame = frame_of({{0x01, 0x80, 0xc2, 0, 0, 0},
                                kSrc,
                                {0, 38},
                                {0x42, 0x42, 3},  // LLC
                                {0, 0},           // protocol identifier, which the kernel's match takes for one byte
                                {0, 0, 0x81},     // version, type, flags
                                {0x80, 1, 1, 1, 1, 1, 1, 1},
                                {0, 1, 2, 3},  // cost
                                {0x90, 2, 2, 2, 2, 2, 2, 2},
                                {0x80, 3},  // port
                                {0, 4},
                                {0, 5},
                                {0, 6},
                                {0, 7}},
                               14);
  expect_fields(frame, Protocol::Stp,
                {{Field::StpType, {0}},
                 {Field::StpFlags, {0}},
                 {Field::StpRootPriority, {0x81, 0x80}},
                 {Field::StpRootAddress, Bytes(6, 1)},
                 {Field::StpRootCost, {1, 0, 1, 2}},
                 {Field::StpSenderPriority, {3, 0x90}},
                 {Field::StpSenderAddress, Bytes(6, 2)},
                 {Field::StpPort, {2, 0x80}},
                 {Field::StpAge, {3, 0}},
                 {Field::StpMaxAge, {4, 0}},
                 {Field::StpHelloTime, {5, 0}},
                 {Field::StpForwardDelay, {6, 0}},
                 {Field::SrcMac, kSrc}});
  EXPECT_EQ(masked_bytes(frame, stp_header_field()), (Bytes{0x42, 0x42, 3, 0, 0, 0}));
}

TEST(PacketField, OfTcpOverIpv4) {
  const std::uint8_t tos = 46U << 2U | 3U;  // EF, and both ECN bits, which are no part of a dscp
  const Frame frame = frame_of({kDst,
                                kSrc,
                                {0x08, 0},
                                {0x45, tos, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0},
                                {192, 0, 2, 1},
                                {192, 0, 2, 2},
                                {0x12, 0x34, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x12}},
                               14, 34);
  const std::vector<Expected> common = {{Field::SrcIp4, {192, 0, 2, 1}},
                                        {Field::DstIp4, {192, 0, 2, 2}},
                                        {Field::SrcPortStart, {0x12, 0x34}},
                                        {Field::DstPortStart, {0, 80}}};
  expect_fields(frame, Protocol::Tcp, common);
  expect_fields(frame, Protocol::Ip, common);
  expect_fields(frame, Protocol::Ip, {{Field::IpProtocol, {6}}});
  expect_fields(frame, Protocol::Tcp,
                {{Field::SrcIp4From, {192, 0, 2, 1}},
                 {Field::DstIp4From, {192, 0, 2, 2}},
                 {Field::TcpFlags, {0x12}},
                 {Field::Dscp, {46U << 2U}}});
}

TEST(PacketField, OfIcmpv6OverIpv6) {
  const Bytes source = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const Bytes target = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
  // version 6, traffic class 46 << 2 | 3, flow label ff…
  const Frame frame =
      frame_of({kDst, kSrc, {0x86, 0xdd}, {0x6b, 0xbf, 0xff, 0xff, 0, 8, 58, 255}, source, target, {135, 7}}, 14, 54);
  const std::vector<Expected> common = {
      {Field::SrcIp6, source}, {Field::DstIp6, target}, {Field::IcmpType, {135}}, {Field::IcmpCode, {7}}};
  expect_fields(frame, Protocol::Icmpv6, common);
  expect_fields(frame, Protocol::Ipv6, common);
  expect_fields(frame, Protocol::Icmpv6,
                {{Field::SrcIp6From, source}, {Field::DstIp6From, target}, {Field::Dscp, {0x0b, 0x80}}});
}

// MLD has a hop-by-hop header before ICMPv6: the first next header is not the transport protocol.
TEST(PacketField, TheProtocolOfIpv6IsLookedForBehindExtensionHeaders) {
  EXPECT_TRUE(packet_field(Field::IpProtocol, Protocol::Ipv6).l4proto);
  EXPECT_TRUE(l4proto_field().l4proto);
  EXPECT_EQ(l4proto_field().length, 1U);
}

// Where the value of a variable is looked up among set elements, its width must be that of the packet's bytes.
TEST(PacketField, ASetKeyIsAsWideAsItsValue) {
  for (const FieldRow& row : field_rows()) {
    if (!can_be_set_key(row.field)) continue;
    for (int p = 0; p < kProtocolCount; ++p) {
      const auto protocol = static_cast<Protocol>(p);
      if ((row.protocols & bit(protocol)) == 0) continue;
      SCOPED_TRACE(std::string(protocol_name(protocol)) + " " + std::string(row.name));
      const PacketField field = packet_field(row.field, protocol);
      EXPECT_EQ(field.length, value_width(row.kind));
      EXPECT_TRUE(field.mask.empty() || field.mask.size() == field.length);
      EXPECT_EQ(row.role, Role::Value);
      EXPECT_TRUE(row.variables);
    }
  }
}

TEST(PacketField, AddressesOfGuestsCanBeSetKeys) {
  for (const Field field : {Field::SrcMac, Field::DstMac, Field::ArpSrcMac, Field::ArpDstMac, Field::ArpSrcIp,
                            Field::ArpDstIp, Field::SrcIp4, Field::DstIp4, Field::SrcIp6, Field::DstIp6})
    EXPECT_TRUE(can_be_set_key(field)) << row_of(field).name;
}

TEST(PacketField, WhatIsNoPlainFieldIsNoSetKey) {
  for (const Field field : {Field::SrcMacMask, Field::SrcIp4Mask, Field::SrcPortEnd, Field::SrcIp4To, Field::Dscp,
                            Field::TcpFlags, Field::State, Field::Ipset, Field::Comment, Field::ArpGratuitous})
    EXPECT_FALSE(can_be_set_key(field)) << row_of(field).name;
}

TEST(ProtocolGuard, IsTheEtherTypeOfAnEthernetProtocol) {
  struct Case {
    Protocol protocol;
    Bytes type;
  };
  const std::vector<Case> cases = {{Protocol::Vlan, {0x81, 0x00}},
                                   {Protocol::Arp, {0x08, 0x06}},
                                   {Protocol::Rarp, {0x80, 0x35}},
                                   {Protocol::Ip, {0x08, 0x00}},
                                   {Protocol::Ipv6, {0x86, 0xdd}}};
  for (const Case& given : cases)
    EXPECT_EQ(protocol_guard(given.protocol), (test::Compare{ether_type_field(), given.type, false}))
        << protocol_name(given.protocol);
}

TEST(ProtocolGuard, OfStpIsTheBridgeGroupAddress) {
  const auto guard = protocol_guard(Protocol::Stp);
  ASSERT_TRUE(guard);
  EXPECT_EQ(guard->field, packet_field(Field::DstMac, Protocol::Stp));
  EXPECT_EQ(guard->value, (Bytes{0x01, 0x80, 0xc2, 0, 0, 0}));
  EXPECT_FALSE(guard->negated);
}

TEST(ProtocolGuard, IsMissingWhereEveryFrameIsMeantOrTheChainGuards) {
  EXPECT_FALSE(protocol_guard(Protocol::None));
  EXPECT_FALSE(protocol_guard(Protocol::Mac));
  for (int p = 0; p < kProtocolCount; ++p)
    if (const auto protocol = static_cast<Protocol>(p); layer_of(protocol) == Layer::Inet) {
      EXPECT_FALSE(protocol_guard(protocol)) << protocol_name(protocol);
    }
}

}  // namespace
}  // namespace nwf
