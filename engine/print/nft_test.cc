// SPDX-License-Identifier: GPL-2.0-or-later
// nft 1.0.6 reads every rule that is expected here.
#include "engine/print/nft.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/model/rule_for_tests.h"
#include "engine/program/compile.h"
#include "engine/program/packet_field.h"
#include "engine/ruleset/lower.h"
#include "engine/ruleset/state.h"

namespace nwf {
namespace {

using for_tests::filter;
using for_tests::Filters;
using for_tests::rule;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

using Expressions = std::vector<Expression>;

std::string printed(Expressions expressions) { return print::nft(Rule{std::move(expressions), "a comment"}); }

struct Case {
  std::string text;
  Expressions expressions;
};
void expect_texts(const std::vector<Case>& cases) {
  for (const Case& given : cases) EXPECT_EQ(printed(given.expressions), given.text);
}

Bytes name(const std::string& text) {
  Bytes bytes(text.begin(), text.end());
  bytes.resize(PortName::kSize);
  return bytes;
}

const Expression kDrop = expr::Immediate{{VerdictCode::Drop, {}}};

expr::Compare is(Bytes data) { return {0, CompareOp::Equal, std::move(data)}; }
expr::Compare is_not(Bytes data) { return {0, CompareOp::NotEqual, std::move(data)}; }
expr::Payload load(const PacketField& field, Register to = 0) { return {field.base, field.offset, field.length, to}; }

/// The load of a field behind what says which packet it is in.
Expressions in_packet(std::uint16_t ether_type, std::initializer_list<Expression> rest) {
  Expressions all = {load(ether_type_field()), is(to_bytes(ether_type, 2))};
  all.insert(all.end(), rest);
  return all;
}
Expressions in_protocol(std::uint8_t protocol, std::initializer_list<Expression> rest) {
  Expressions all = {expr::MetaLoad{MetaKey::L4Proto, 0}, is({protocol})};
  all.insert(all.end(), rest);
  return all;
}

TEST(Nft, VerdictsAreNftsWords) {
  const std::vector<std::pair<Verdict, std::string>> cases = {
      {{VerdictCode::Accept, {}}, "accept"},
      {{VerdictCode::Drop, {}}, "drop"},
      {{VerdictCode::Return, {}}, "return"},
      {{VerdictCode::Continue, {}}, "continue"},
      {{VerdictCode::Jump, "web.arp"}, "jump web.arp"},
      {{VerdictCode::Goto, "web.eth-out"}, "goto web.eth-out"},
  };
  for (const auto& [verdict, text] : cases) {
    EXPECT_EQ(print::nft(verdict), text);
    EXPECT_EQ(printed({expr::Immediate{verdict}}), text) << "as a rule's end";
  }
}

TEST(Nft, ARuleIsPrintedWithoutItsComment) { EXPECT_EQ(printed({kDrop}), "drop"); }

TEST(Nft, ARuleWithoutExpressionsIsNothing) { EXPECT_EQ(printed({}), ""); }

TEST(Nft, WhatThePacketCameByAndCarries) {
  expect_texts({
      {"iifname \"vnet0\"", {expr::MetaLoad{MetaKey::InterfaceIn, 0}, is(name("vnet0"))}},
      {"oifname \"vnet0\" drop", {expr::MetaLoad{MetaKey::InterfaceOut, 0}, is(name("vnet0")), kDrop}},
      {"iifname != \"a-name-of-15-by\"", {expr::MetaLoad{MetaKey::InterfaceIn, 0}, is_not(name("a-name-of-15-by"))}},
      {"meta l4proto tcp", in_protocol(6, {})},
      {"meta l4proto udp", in_protocol(17, {})},
      {"meta l4proto icmp", in_protocol(1, {})},
      {"meta l4proto igmp", in_protocol(2, {})},
      {"meta l4proto esp", in_protocol(50, {})},
      {"meta l4proto ah", in_protocol(51, {})},
      {"meta l4proto ipv6-icmp", in_protocol(58, {})},
      {"meta l4proto sctp", in_protocol(132, {})},
      {"meta l4proto udplite", in_protocol(136, {})},
      {"meta l4proto 253", in_protocol(253, {})},
      {"meta l4proto != tcp", {expr::MetaLoad{MetaKey::L4Proto, 0}, is_not({6})}},
  });
}

TEST(Nft, MarksAreWholeHexadecimalNumbers) {
  EXPECT_EQ(printed({expr::MetaLoad{MetaKey::Mark, 0}, is(mark_bytes(0x01000000))}), "meta mark 0x01000000");
  EXPECT_EQ(printed(test_mark(0x07000000, 0x03000000)), "meta mark & 0x07000000 0x03000000");
  EXPECT_EQ(printed(set_mark(0x07000000, 0x03000000)), "meta mark set (meta mark & 0xf8ffffff) | 0x03000000");
  EXPECT_EQ(printed(set_mark(0x07000000, 0)), "meta mark set meta mark & 0xf8ffffff") << "nothing is put in";
}

TEST(Nft, ConnectionStateIsAListOfNames) {
  const auto state = [](std::uint32_t states) {
    return printed(
        {expr::CtLoad{CtKey::State, 0}, expr::Bitwise{0, 0, mark_bytes(states), Bytes(4)}, is_not(Bytes(4))});
  };
  EXPECT_EQ(state(kCtStateNew), "ct state new");
  EXPECT_EQ(state(kCtStateInvalid), "ct state invalid");
  EXPECT_EQ(state(kCtStateUntracked), "ct state untracked");
  EXPECT_EQ(state(kCtStateEstablished | kCtStateRelated), "ct state established,related");
  EXPECT_EQ(state(kCtStateNew | kCtStateEstablished), "ct state established,new");
  EXPECT_EQ(printed({expr::CtLoad{CtKey::Direction, 0}, is({0})}), "ct direction original");
  EXPECT_EQ(printed({expr::CtLoad{CtKey::Direction, 0}, is({1}), kDrop}), "ct direction reply drop");
}

TEST(Nft, AConnectionTestIsStateThenDirection) {
  const auto lists = lower_connection({kConnNew | kConnEstablished, ConnDirection::Original}, StateMethod::Native, {});
  ASSERT_EQ(lists.size(), 1U);
  EXPECT_EQ(printed(lists[0]), "ct state established,new ct direction original");
}

TEST(Nft, FieldsOfTheLinkLayer) {
  const Bytes mac = {0x52, 0x54, 0, 0x0a, 0, 1};
  expect_texts({
      {"ether saddr 52:54:00:0a:00:01", {load(packet_field(Field::SrcMac, Protocol::Mac)), is(mac)}},
      {"ether daddr != 52:54:00:0a:00:01", {load(packet_field(Field::DstMac, Protocol::Mac)), is_not(mac)}},
      {"ether saddr & ff:ff:ff:00:00:00 != 52:54:00:00:00:00",
       {load(packet_field(Field::SrcMac, Protocol::Mac)), expr::Bitwise{0, 0, {0xff, 0xff, 0xff, 0, 0, 0}, Bytes(6)},
        is_not({0x52, 0x54, 0, 0, 0, 0})}},
      {"ether type ip", in_packet(ethertype::kIpv4, {})},
      {"ether type ip6", in_packet(ethertype::kIpv6, {})},
      {"ether type arp", in_packet(ethertype::kArp, {})},
      {"ether type 8021q", in_packet(ethertype::kVlan, {})},
      {"ether type 0x8035", in_packet(ethertype::kRarp, {})},
      {"ether type != 0x88cc", {load(ether_type_field()), is_not({0x88, 0xcc})}},
      {"ether type 8021q vlan type ip6",
       in_packet(ethertype::kVlan, {load(packet_field(Field::VlanEncap, Protocol::Vlan)), is({0x86, 0xdd})})},
      {"ether type 8021q vlan id & 0x0fff 0x0064",
       in_packet(ethertype::kVlan, {load(packet_field(Field::VlanId, Protocol::Vlan)),
                                    expr::Bitwise{0, 0, {0x0f, 0xff}, Bytes(2)}, is({0, 100})})},
  });
}

TEST(Nft, FieldsOfArp) {
  const auto arp = [](Field field, Bytes value) {
    return in_packet(ethertype::kArp, {load(packet_field(field, Protocol::Arp)), is(std::move(value))});
  };
  expect_texts({
      {"ether type arp arp htype 1", arp(Field::ArpHwType, {0, 1})},
      {"ether type arp arp ptype ip", arp(Field::ArpProtocolType, {8, 0})},
      {"ether type arp arp operation 2", arp(Field::ArpOpcode, {0, 2})},
      {"ether type arp arp saddr ether 02:00:00:00:00:01", arp(Field::ArpSrcMac, {2, 0, 0, 0, 0, 1})},
      {"ether type arp arp daddr ether 02:00:00:00:00:01", arp(Field::ArpDstMac, {2, 0, 0, 0, 0, 1})},
      {"ether type arp arp saddr ip 192.0.2.1", arp(Field::ArpSrcIp, {192, 0, 2, 1})},
      {"ether type arp arp daddr ip 192.0.2.1", arp(Field::ArpDstIp, {192, 0, 2, 1})},
      {"ether type arp arp hlen 6", in_packet(ethertype::kArp, {load(arp_hardware_length_field()), is({6})})},
      {"ether type arp arp plen 4", in_packet(ethertype::kArp, {load(arp_protocol_length_field()), is({4})})},
  });
}

TEST(Nft, FieldsOfIp) {
  Bytes address(16);
  address[0] = 0xfe;
  address[1] = 0x80;
  address[15] = 1;
  expect_texts({
      {"ip saddr 192.0.2.1", {load(packet_field(Field::SrcIp4, Protocol::All)), is({192, 0, 2, 1})}},
      {"ip daddr != 192.0.2.1", {load(packet_field(Field::DstIp4, Protocol::All)), is_not({192, 0, 2, 1})}},
      {"ip6 saddr fe80::1", {load(packet_field(Field::SrcIp6, Protocol::AllIpv6)), is(address)}},
      {"ip6 daddr != fe80::1", {load(packet_field(Field::DstIp6, Protocol::AllIpv6)), is_not(address)}},
      {"ip saddr & 255.255.255.0 != 192.0.2.0",
       {load(packet_field(Field::SrcIp4, Protocol::All)), expr::Bitwise{0, 0, {255, 255, 255, 0}, Bytes(4)},
        is_not({192, 0, 2, 0})}},
      {"ip saddr 192.0.2.1-192.0.2.9",
       {load(packet_field(Field::SrcIp4From, Protocol::All)), expr::Range{0, true, {192, 0, 2, 1}, {192, 0, 2, 9}}}},
      {"ether type ip ip protocol udp",
       in_packet(ethertype::kIpv4, {load(packet_field(Field::IpProtocol, Protocol::Ip)), is({17})})},
      {"ether type ip ip saddr 192.0.2.1",
       in_packet(ethertype::kIpv4, {load(packet_field(Field::SrcIp4, Protocol::Ip)), is({192, 0, 2, 1})})},
      {"ether type ip6 ip6 daddr fe80::1",
       in_packet(ethertype::kIpv6, {load(packet_field(Field::DstIp6, Protocol::Ipv6)), is(address)})},
  });
}

TEST(Nft, FieldsOfTheTransportLayer) {
  const auto port = [](std::uint8_t protocol, Field field) {
    return in_protocol(protocol, {load(packet_field(field, Protocol::Tcp)), is({0x1f, 0x90})});
  };
  expect_texts({
      {"meta l4proto tcp tcp sport 8080", port(6, Field::SrcPortStart)},
      {"meta l4proto tcp tcp dport 8080", port(6, Field::DstPortStart)},
      {"meta l4proto udp udp dport 8080", port(17, Field::DstPortStart)},
      {"meta l4proto sctp sctp sport 8080", port(132, Field::SrcPortStart)},
      {"meta l4proto udplite th dport 8080", port(136, Field::DstPortStart)},
      {"th dport 8080", {load(packet_field(Field::DstPortStart, Protocol::Tcp)), is({0x1f, 0x90})}},
      {"meta l4proto tcp tcp dport 80-8080", in_protocol(6, {load(packet_field(Field::DstPortStart, Protocol::Tcp)),
                                                             expr::Range{0, true, {0, 80}, {0x1f, 0x90}}})},
      {"meta l4proto tcp tcp dport != 80-8080", in_protocol(6, {load(packet_field(Field::DstPortStart, Protocol::Tcp)),
                                                                expr::Range{0, false, {0, 80}, {0x1f, 0x90}}})},
      {"meta l4proto tcp tcp flags & 0x12 != 0x02", in_protocol(6, {load(packet_field(Field::TcpFlags, Protocol::Tcp)),
                                                                    expr::Bitwise{0, 0, {0x12}, {0}}, is_not({0x02})})},
      {"meta l4proto icmp icmp type 8", in_protocol(1, {load(packet_field(Field::IcmpType, Protocol::Icmp)), is({8})})},
      {"meta l4proto icmp icmp code != 1",
       in_protocol(1, {load(packet_field(Field::IcmpCode, Protocol::Icmp)), is_not({1})})},
      {"meta l4proto ipv6-icmp icmpv6 type 133-136",
       in_protocol(58, {load(packet_field(Field::IcmpType, Protocol::Icmpv6)), expr::Range{0, true, {133}, {136}}})},
      {"meta l4proto ipv6-icmp icmpv6 code 0",
       in_protocol(58, {load(packet_field(Field::IcmpCode, Protocol::Icmpv6)), is({0})})},
  });
}

TEST(Nft, ATransportHeadersNamesAreOfTheRulesOwnProtocol) {
  // "not tcp" says nothing of what the packet is
  EXPECT_EQ(printed({expr::MetaLoad{MetaKey::L4Proto, 0}, is_not({6}),
                     load(packet_field(Field::DstPortStart, Protocol::Tcp)), is({0, 80})}),
            "meta l4proto != tcp th dport 80");
  EXPECT_EQ(printed({load(packet_field(Field::DstPortStart, Protocol::Tcp)), is({0, 80}),
                     expr::MetaLoad{MetaKey::L4Proto, 0}, is({6})}),
            "th dport 80 meta l4proto tcp");
}

TEST(Nft, FieldsWithoutANameAreBits) {
  expect_texts({
      {"@nh,8,8 0x10", {expr::Payload{PayloadBase::Network, 1, 1, 0}, is({0x10})}},
      {"@nh,8,8 & 0xfc != 0x10",
       {expr::Payload{PayloadBase::Network, 1, 1, 0}, expr::Bitwise{0, 0, {0xfc}, {0}}, is_not({0x10})}},
      {"@nh,0,48 0x424203000000", {load(stp_header_field()), is({0x42, 0x42, 3, 0, 0, 0})}},
      {"@nh,160,16 0x0001-0x00ff",
       {expr::Payload{PayloadBase::Network, 20, 2, 0}, expr::Range{0, true, {0, 1}, {0, 0xff}}}},
      {"@ll,160,8 0x01", {expr::Payload{PayloadBase::Link, 20, 1, 0}, is({1})}},
      {"@th,104,8 0x02", {expr::Payload{PayloadBase::Transport, 13, 1, 0}, is({2})}},
      // An ARP packet's bytes 12 to 15 are no IPv4 address.
      {"ether type arp @nh,96,32 0x00000001",
       in_packet(ethertype::kArp, {expr::Payload{PayloadBase::Network, 12, 4, 0}, is({0, 0, 0, 1})})},
  });
}

TEST(Nft, ComparisonsHaveTheirSigns) {
  const std::vector<std::pair<CompareOp, std::string>> cases = {
      {CompareOp::Equal, "th dport 80"},     {CompareOp::NotEqual, "th dport != 80"},
      {CompareOp::Less, "th dport < 80"},    {CompareOp::LessOrEqual, "th dport <= 80"},
      {CompareOp::Greater, "th dport > 80"}, {CompareOp::GreaterOrEqual, "th dport >= 80"},
  };
  for (const auto& [op, text] : cases)
    EXPECT_EQ(printed({load(packet_field(Field::DstPortStart, Protocol::Tcp)), expr::Compare{0, op, {0, 80}}}), text);
}

TEST(Nft, LookupsNameEveryPartOfTheKey) {
  const expr::MetaLoad in{MetaKey::InterfaceIn, 0}, out{MetaKey::InterfaceOut, 0};
  const auto mac = load(packet_field(Field::SrcMac, Protocol::Mac), 4);
  const auto ip = load(packet_field(Field::SrcIp4, Protocol::All), 6);
  expect_texts({
      {"iifname @ports.web goto web.eth-out",
       {in, expr::Lookup{"ports.web", 0, false, false}, expr::Immediate{{VerdictCode::Goto, "web.eth-out"}}}},
      {"iifname vmap @port.eth-out", {in, expr::Lookup{"port.eth-out", 0, false, true}}},
      {"iifname . ether saddr @v.MAC.ether return",
       {in, mac, expr::Lookup{"v.MAC.ether", 0, false, false}, expr::Immediate{{VerdictCode::Return, {}}}}},
      {"oifname . ether saddr != @v.MAC.ether drop", {out, mac, expr::Lookup{"v.MAC.ether", 0, true, false}, kDrop}},
      {"iifname . ether saddr . ip saddr @s", {in, mac, ip, expr::Lookup{"s", 0, false, false}}},
      // The second key starts anew.
      {"iifname . ether saddr @s oifname @t",
       {in, mac, expr::Lookup{"s", 0, false, false}, out, expr::Lookup{"t", 0, false, false}}},
  });
}

TEST(Nft, DynamicSetsAreAddedToAndDeletedFrom) {
  using Op = expr::DynamicSet::Op;
  const expr::MetaLoad in{MetaKey::InterfaceIn, 0};
  const auto ip = load(packet_field(Field::SrcIp4, Protocol::All), 4);
  expect_texts({
      {"add @pairs { iifname . ip saddr }", {in, ip, expr::DynamicSet{Op::Add, "pairs", 0, 0, false}}},
      {"delete @pairs { iifname . ip saddr }", {in, ip, expr::DynamicSet{Op::Delete, "pairs", 0, 0, false}}},
      {"update @counted { iifname . ip saddr counter } drop",
       {in, ip, expr::DynamicSet{Op::Count, "counted", 0, 0, false}, kDrop}},
      {"add @counted { iifname . ip saddr ct count over 10 } drop",
       {in, ip, expr::DynamicSet{Op::Add, "counted", 0, 10, true}, kDrop}},
      {"add @counted { iifname . ip saddr ct count over 0 }",
       {in, ip, expr::DynamicSet{Op::Add, "counted", 0, 0, true}}},
  });
}

TEST(Nft, RejectAndCounterStandForThemselves) {
  EXPECT_EQ(printed({expr::Reject{}}), "reject");
  EXPECT_EQ(printed({expr::Counter{}, kDrop}), "counter drop");
}

TEST(Nft, ConstantsInARegisterShowWhereTheyAreUsed) {
  EXPECT_EQ(printed({expr::ImmediateData{0, mark_bytes(0x1a2b)}, expr::MetaSetMark{0}}), "meta mark set 0x00001a2b");
}

TEST(Nft, AnElementsKeyIsWrittenPartByPart) {
  struct KeyCase {
    std::vector<KeyPart> parts;
    Bytes key;
    std::string text;
  };
  const auto joined = [](std::initializer_list<Bytes> parts) {
    Bytes all;
    for (Bytes part : parts) {
      part.resize((part.size() + 3) / 4 * 4);
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  };
  Bytes address(16);
  address[0] = 0x20;
  address[1] = 0x01;
  address[15] = 0x0a;
  const KeyPart port{KeyType::IfName, 16};
  const std::vector<KeyCase> cases = {
      {{}, {}, ""},
      {{port}, name("vnet0"), "\"vnet0\""},
      {{port}, name("a-name-of-15-by"), "\"a-name-of-15-by\""},
      {{{KeyType::EtherAddr, 6}}, {0x52, 0x54, 0, 0, 0, 1}, "52:54:00:00:00:01"},
      {{{KeyType::Ipv4Addr, 4}}, {192, 0, 2, 1}, "192.0.2.1"},
      {{{KeyType::Ipv6Addr, 16}}, address, "2001::a"},
      {{{KeyType::EtherType, 2}}, {8, 6}, "arp"},
      {{{KeyType::EtherType, 2}}, {0x88, 0xcc}, "0x88cc"},
      {{{KeyType::InetProto, 1}}, {6}, "tcp"},
      {{{KeyType::InetProto, 1}}, {253}, "253"},
      {{{KeyType::InetService, 2}}, {0x1f, 0x90}, "8080"},
      {{{KeyType::ArpOp, 2}}, {0, 2}, "2"},
      {{{KeyType::IcmpType, 1}}, {8}, "8"},
      {{{KeyType::Integer, 4}}, {0, 0, 1, 0}, "256"},
      {{port, {KeyType::EtherAddr, 6}, {KeyType::Ipv4Addr, 4}},
       joined({name("vnet0"), {0x52, 0x54, 0, 0, 0, 1}, {192, 0, 2, 1}}),
       "\"vnet0\" . 52:54:00:00:00:01 . 192.0.2.1"},
      {{port, {KeyType::InetService, 2}, {KeyType::InetProto, 1}, {KeyType::Ipv6Addr, 16}},
       joined({name("vnet0"), {0, 80}, {17}, address}),
       "\"vnet0\" . 80 . udp . 2001::a"},
  };
  for (const KeyCase& given : cases) EXPECT_EQ(print::nft_key(given.parts, given.key), given.text);
}

// What it is asked to print may come from a kernel that somebody else wrote to.
TEST(Nft, AKeyThatIsTooShortIsWrittenAsFarAsItGoes) {
  const std::vector<KeyPart> parts = {{KeyType::IfName, 16}, {KeyType::Ipv4Addr, 4}};
  EXPECT_EQ(print::nft_key(parts, name("vnet0")), "\"vnet0\"");
  EXPECT_EQ(print::nft_key(parts, {}), "");
}

TEST(Nft, AFiltersRulesReadLikeTheFilter) {
  const Filters filters = {
      filter("web", {rule(Action::Drop, Direction::Out, Protocol::Arp, {{"arpsrcipaddr", "$IP"}, {"opcode", "Reply"}}),
                     rule(Action::Accept, Direction::Out, Protocol::Tcp,
                          {{"dstportstart", "80"}, {"dstportend", "90"}, {"state", "NEW"}})})};
  const auto program = compile(filters.at("web"), filters, {{"IP", {"192.0.2.1"}}});
  ASSERT_TRUE(program) << describe(program.error());
  Capabilities capabilities;
  capabilities.bridge_conntrack = Probe::Yes;
  const auto made = lower(*program, capabilities, {});
  ASSERT_TRUE(made) << describe(made.error());
  std::string all;
  for (const Chain& chain : made->chains)
    for (const Rule& each : chain.rules) all += print::nft(each) + "\n";
  EXPECT_THAT(all, AllOf(HasSubstr("ether type arp"), HasSubstr("arp operation 2"),
                         ::testing::ContainsRegex(
                             "iifname . arp saddr ip @v.IP.ipv4 meta mark set 0x[0-9a-f]+ goto guest-out.dropped"),
                         HasSubstr("goto web.inet-out.ip4"),
                         HasSubstr("meta l4proto tcp tcp dport 80-90 ct state new accept"), Not(HasSubstr("@nh"))));
}

}  // namespace
}  // namespace nwf
