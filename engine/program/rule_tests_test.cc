// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/rule_tests.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/model/rule_for_tests.h"
#include "engine/program/packet_field.h"

namespace nwf {
namespace {

using for_tests::kFile;
using for_tests::negated;
using for_tests::rule;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr auto kDrop = Action::Drop;
constexpr auto kIn = Direction::In;

// Tests as text: `srcipaddr == 192.0.2.1`, `dstportstart in 80..90`, `{srcmacaddr} in $MAC`.

bool same_place(const PacketField& a, const PacketField& b) {
  if (a.l4proto || b.l4proto) return a.l4proto == b.l4proto;
  return a.base == b.base && a.offset == b.offset && a.length == b.length;
}

std::string place(const PacketField& field, Protocol protocol) {
  for (const FieldRow& row : field_rows()) {
    const bool of_packet = row.role == Role::Value && row.field != Field::State && row.field != Field::ConnlimitAbove &&
                           row.field != Field::Ipset && row.field != Field::IpsetFlags &&
                           row.field != Field::TcpOption && row.field != Field::ArpGratuitous &&
                           row.field != Field::Comment;
    if (of_packet && (row.protocols & bit(protocol)) != 0 && same_place(packet_field(row.field, protocol), field))
      return std::string(row.name);
  }
  if (same_place(field, ether_type_field())) return "ethertype";
  if (same_place(field, l4proto_field())) return "l4proto";
  if (protocol == Protocol::Stp && same_place(field, stp_header_field())) return "bpdu";
  if (same_place(field, port_pair_field())) return "ports";
  if (protocol == Protocol::Stp && same_place(field, packet_field(Field::DstMac, Protocol::Mac))) return "group";
  if (same_place(field, arp_hardware_length_field())) return "hlen";
  if (same_place(field, arp_protocol_length_field())) return "plen";
  return "?";
}

std::string value(const PacketField& field, const Bytes& bytes) {
  if (field.type == KeyType::Ipv4Addr) return fmt::format("{}", fmt::join(bytes, "."));
  if (field.type == KeyType::EtherAddr) return fmt::format("{:02x}", fmt::join(bytes, ":"));
  if (bytes.size() > 8) {
    Ipv6 address;
    std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
    return address.text();
  }
  return fmt::format("{}", to_number(bytes));
}

std::string side(const PacketField& field, Protocol protocol) {
  return place(field, protocol) + (field.mask.empty() ? "" : " & " + value(field, field.mask));
}

std::string shown(const Test& test, Protocol protocol) {
  if (const auto* compare = std::get_if<test::Compare>(&test))
    return side(compare->field, protocol) + (compare->negated ? " != " : " == ") +
           value(compare->field, compare->value);
  if (const auto* range = std::get_if<test::Range>(&test))
    return side(range->field, protocol) + (range->negated ? " not in " : " in ") + value(range->field, range->low) +
           ".." + value(range->field, range->high);
  if (const auto* member = std::get_if<test::Member>(&test)) {
    std::vector<std::string> fields;
    std::vector<std::string> columns;
    for (const PacketField& field : member->fields) fields.push_back(side(field, protocol));
    for (const ValueColumn& column : member->set.columns) columns.push_back(column.variable.text());
    return fmt::format("{{{}}} {}in {}", fmt::join(fields, ", "), member->negated ? "not " : "",
                       fmt::join(columns, ", "));
  }
  if (const auto* option = std::get_if<test::TcpOption>(&test))
    return fmt::format("{}option {}", option->negated ? "no " : "", option->kind);
  if (const auto* gratuitous = std::get_if<test::GratuitousArp>(&test))
    return gratuitous->negated ? "not gratuitous" : "gratuitous";
  if (const auto* limit = std::get_if<test::ConnectionLimit>(&test))
    return fmt::format("{} {} connections", limit->negated ? "at most" : "above", limit->above);
  return "no matter of rule_tests()";
}

using Conjunctions = std::vector<std::vector<std::string>>;

struct Outcome {
  Result<RuleTests> result;
  Shape shape;
  Protocol protocol;

  /// One list of tests for each alternative, each list sorted.
  Conjunctions alternatives() const {
    Conjunctions all;
    if (!result) return {{describe(result.error())}};
    for (const Conjunction& tests : result->alternatives) {
      std::vector<std::string> texts;
      for (const Test& test : tests) texts.push_back(shown(test, protocol));
      std::sort(texts.begin(), texts.end());
      all.push_back(std::move(texts));
    }
    return all;
  }
  /// The tests of a rule that has a single alternative.
  std::vector<std::string> tests() const {
    const Conjunctions all = alternatives();
    return all.size() == 1 ? all[0] : std::vector<std::string>{fmt::format("{} alternatives", all.size())};
  }
  /// What the program owes to these values; not what every port of the filter must have.
  std::vector<std::string> facts() const {
    std::vector<std::string> texts;
    for (const Fact& fact : shape.facts) {
      if (fact.reason.empty()) continue;
      const char* kinds[] = {"given", "not given", "single", "is"};
      texts.push_back(fmt::format("{} {}", fact.variable, kinds[static_cast<int>(fact.kind)]));
      if (fact.kind == Fact::Kind::Values) texts.back() += fmt::format(" {}", fmt::join(fact.values, " "));
    }
    return texts;
  }
};

Outcome tests_of(FilterRule given, const Variables& variables = {}, const RuleView& view = {},
                 Variables parameters = {}) {
  const Protocol protocol = given.protocol;
  const auto owner = std::make_shared<const Filter>(for_tests::filter("f", {std::move(given)}));
  const FlatRule flat{&std::get<FilterRule>(owner->entries[0]), owner, 1, 0, std::move(parameters)};
  Shape shape;
  auto result = rule_tests(flat, view, variables, shape);
  return {std::move(result), std::move(shape), protocol};
}

Outcome tests_of(Protocol protocol, for_tests::Attributes attributes, const Variables& variables = {}) {
  return tests_of(rule(kDrop, kIn, protocol, attributes), variables);
}

TEST(RuleTests, ARuleWithoutAttributesTestsItsProtocol) {
  struct Case {
    Protocol protocol;
    std::vector<std::string> tests;
  };
  const std::vector<Case> cases = {
      {Protocol::None, {}},
      {Protocol::Mac, {}},
      {Protocol::Vlan, {"ethertype == 33024"}},
      {Protocol::Stp, {"group == 01:80:c2:00:00:00"}},
      {Protocol::Arp, {"ethertype == 2054"}},
      {Protocol::Rarp, {"ethertype == 32821"}},
      {Protocol::Ip, {"ethertype == 2048"}},
      {Protocol::Ipv6, {"ethertype == 34525"}},
      {Protocol::Tcp, {"l4proto == 6"}},
      {Protocol::Udp, {"l4proto == 17"}},
      {Protocol::Icmp, {"l4proto == 1"}},
      {Protocol::Icmpv6, {"l4proto == 58"}},
      {Protocol::SctpIpv6, {"l4proto == 132"}},
      {Protocol::All, {}},
      {Protocol::AllIpv6, {}},
  };
  for (const Case& given : cases)
    EXPECT_EQ(tests_of(given.protocol, {}).tests(), given.tests) << protocol_name(given.protocol);
}

TEST(RuleTests, AttributesAreAndedWithTheirMasksAndRanges) {
  struct Case {
    std::string name;
    FilterRule given;
    std::vector<std::string> tests;  ///< sorted
  };
  const auto of = [](Protocol protocol, for_tests::Attributes attributes) {
    return rule(kDrop, kIn, protocol, attributes);
  };
  const std::vector<Case> cases = {
      {"addresses",
       of(Protocol::Mac, {{"srcmacaddr", "52:54:00:00:00:01"}, {"dstmacaddr", "ff:ff:ff:ff:ff:ff"}}),
       {"dstmacaddr == ff:ff:ff:ff:ff:ff", "srcmacaddr == 52:54:00:00:00:01"}},
      {"the value is masked, too",
       of(Protocol::Mac, {{"srcmacaddr", "52:54:00:ab:cd:ef"}, {"srcmacmask", "ff:ff:ff:00:00:00"}}),
       {"srcmacaddr & ff:ff:ff:00:00:00 == 52:54:00:00:00:00"}},
      {"EtherType", of(Protocol::Mac, {{"protocolid", "arp"}}), {"protocolid == 2054"}},
      {"a VLAN's number is twelve bits",
       of(Protocol::Vlan, {{"vlanid", "100"}}),
       {"ethertype == 33024", "vlanid & 4095 == 100"}},
      {"a network",
       of(Protocol::Ip, {{"srcipaddr", "192.0.2.77"}, {"srcipmask", "24"}}),
       {"ethertype == 2048", "srcipaddr & 255.255.255.0 == 192.0.2.0"}},
      {"every address",
       of(Protocol::All, {{"dstipaddr", "192.0.2.77"}, {"dstipmask", "0"}}),
       {"dstipaddr & 0.0.0.0 == 0.0.0.0"}},
      {"an IPv6 network",
       of(Protocol::AllIpv6, {{"dstipaddr", "2001:db8::1"}, {"dstipmask", "32"}}),
       {"dstipaddr & ffff:ffff:: == 2001:db8::"}},
      {"one port", of(Protocol::Tcp, {{"dstportstart", "80"}}), {"dstportstart == 80", "l4proto == 6"}},
      {"ports",
       of(Protocol::Udp, {{"srcportstart", "1024"}, {"srcportend", "65535"}}),
       {"l4proto == 17", "srcportstart in 1024..65535"}},
      {"a range of one",
       of(Protocol::Udp, {{"srcportstart", "53"}, {"srcportend", "53"}}),
       {"l4proto == 17", "srcportstart == 53"}},
      {"addresses from and to",
       of(Protocol::All, {{"srcipfrom", "192.0.2.9"}, {"srcipto", "192.0.2.10"}}),
       {"srcipaddr in 192.0.2.9..192.0.2.10"}},
      {"IPv6 addresses from and to",
       of(Protocol::AllIpv6, {{"dstipfrom", "2001:db8::1"}, {"dstipto", "2001:db8::ffff"}}),
       {"dstipaddr in 2001:db8::1..2001:db8::ffff"}},
      {"protocol by name", of(Protocol::Ip, {{"protocol", "udp"}}), {"ethertype == 2048", "protocol == 17"}},
      {"flags among a mask", of(Protocol::Tcp, {{"flags", "SYN,ACK/SYN"}}), {"flags & 18 == 2", "l4proto == 6"}},
      {"TCP option", of(Protocol::Tcp, {{"option", "8"}}), {"l4proto == 6", "option 8"}},
      {"dscp are the upper six bits", of(Protocol::All, {{"dscp", "46"}}), {"dscp & 252 == 184"}},
      {"dscp of IPv6", of(Protocol::AllIpv6, {{"dscp", "46"}}), {"dscp & 4032 == 2944"}},
      {"ICMP type and code",
       of(Protocol::Icmp, {{"type", "3"}, {"code", "4"}}),
       {"code == 4", "l4proto == 1", "type == 3"}},
      {"ICMPv6 type", of(Protocol::Icmpv6, {{"type", "255"}}), {"l4proto == 58", "type == 255"}},
      {"ICMP type 255 is any", of(Protocol::Icmp, {{"type", "255"}, {"code", "4"}}), {"l4proto == 1"}},
      {"ranges of types",
       of(Protocol::Ipv6, {{"protocol", "icmpv6"}, {"type", "133"}, {"typeend", "137"}, {"code", "0"}}),
       {"code == 0", "ethertype == 34525", "protocol == 58", "type in 133..137"}},
      {"opcode of ARP", of(Protocol::Arp, {{"opcode", "Reply"}}), {"ethertype == 2054", "opcode == 2"}},
      {"a comment says nothing of packets", of(Protocol::Ip, {{"comment", "$IP is free"}}), {"ethertype == 2048"}},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.name);
    const Outcome outcome = tests_of(given.given);
    EXPECT_EQ(outcome.tests(), given.tests);
    EXPECT_THAT(outcome.facts(), IsEmpty()) << "nothing of this depends on a port";
  }
}

TEST(RuleTests, MatchNoTurnsEachAttributeOnItsOwn) {
  EXPECT_THAT(tests_of(negated(rule(kDrop, kIn, Protocol::Ip,
                                    {{"srcipaddr", "192.0.2.0"}, {"srcipmask", "24"}, {"protocol", "udp"}})))
                  .tests(),
              UnorderedElementsAre("ethertype == 2048", "srcipaddr & 255.255.255.0 != 192.0.2.0", "protocol != 17"));
  EXPECT_THAT(
      tests_of(negated(rule(kDrop, kIn, Protocol::Tcp,
                            {{"dstportstart", "80"}, {"dstportend", "90"}, {"flags", "SYN/SYN"}, {"option", "8"}})))
          .tests(),
      UnorderedElementsAre("l4proto == 6", "dstportstart in 80..90", "flags & 2 != 2", "no option 8"))
      << "the target port waits for the source port's";
}

TEST(RuleTests, InTheInetLayerTheTargetPortIsNegatedWithTheSourcePort) {
  const auto both = [](bool source, bool target) {
    FilterRule given =
        rule(kDrop, kIn, Protocol::Udp, {{"srcportstart", "7"}, {"dstportstart", "80"}, {"dstportend", "90"}});
    for (Attribute& attribute : given.attributes)
      attribute.negated = attribute.field == Field::SrcPortStart ? source : target;
    return tests_of(given).tests();
  };
  for (const bool target : {false, true}) {
    EXPECT_THAT(both(true, target),
                UnorderedElementsAre("l4proto == 17", "srcportstart != 7", "dstportstart not in 80..90"));
    EXPECT_THAT(both(false, target),
                UnorderedElementsAre("l4proto == 17", "srcportstart == 7", "dstportstart in 80..90"));
  }
  EXPECT_THAT(tests_of(negated(rule(kDrop, kIn, Protocol::Udp, {{"srcportstart", "7"}}))).tests(),
              UnorderedElementsAre("l4proto == 17", "srcportstart != 7"));
}

TEST(RuleTests, TwoSingleNegatedPortsOfTcpAndUdpAreNegatedAsOne) {
  const std::string pair = fmt::format("ports != {}", 7 << 16 | 80);
  for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp, Protocol::TcpIpv6, Protocol::UdpIpv6})
    EXPECT_THAT(tests_of(negated(rule(kDrop, kIn, protocol, {{"srcportstart", "7"}, {"dstportstart", "80"}}))).tests(),
                Contains(pair));
  EXPECT_THAT(
      tests_of(negated(rule(kDrop, kIn, Protocol::Sctp, {{"srcportstart", "7"}, {"dstportstart", "80"}}))).tests(),
      UnorderedElementsAre("l4proto == 132", "srcportstart != 7", "dstportstart != 80"));
  EXPECT_THAT(
      tests_of(negated(rule(kDrop, kIn, Protocol::Tcp, {{"srcportstart", "0"}, {"dstportstart", "80"}}))).tests(),
      UnorderedElementsAre("l4proto == 6", "srcportstart != 0", "dstportstart != 80"));
}

TEST(RuleTests, InTheEthernetLayerTheTargetPortIsNegatedByItself) {
  FilterRule given = rule(kDrop, kIn, Protocol::Ip, {{"protocol", "udp"}, {"dstportstart", "68"}});
  for (Attribute& attribute : given.attributes) attribute.negated = attribute.field == Field::DstPortStart;
  EXPECT_THAT(tests_of(given).tests(),
              UnorderedElementsAre("ethertype == 2048", "protocol == 17", "dstportstart != 68"));
}

// "Not type 8 code 0" is another type, or the type with another code.
TEST(RuleTests, MatchNoTurnsIcmpTypeAndCodeTogether) {
  EXPECT_THAT(tests_of(negated(rule(kDrop, kIn, Protocol::Icmp, {{"type", "8"}, {"code", "0"}}))).alternatives(),
              UnorderedElementsAre(ElementsAre("l4proto == 1", "type != 8"),
                                   ElementsAre("code != 0", "l4proto == 1", "type == 8")));
  EXPECT_THAT(tests_of(negated(rule(kDrop, kIn, Protocol::Icmp, {{"type", "8"}}))).alternatives(),
              ElementsAre(ElementsAre("l4proto == 1", "type != 8")));
}

TEST(RuleTests, NotAnyIcmpTypeIsNone) {
  EXPECT_THAT(tests_of(negated(rule(kDrop, kIn, Protocol::Icmp, {{"type", "255"}}))).alternatives(), IsEmpty());
}

TEST(RuleTests, ArpAddressesAreReadOnlyWhereTheyAre) {
  EXPECT_THAT(tests_of(Protocol::Arp, {{"arpsrcmacaddr", "52:54:00:00:00:01"}}).tests(),
              ElementsAre("arpsrcmacaddr == 52:54:00:00:00:01", "ethertype == 2054", "hlen == 6", "hwtype == 1"));
  EXPECT_THAT(
      tests_of(Protocol::Arp, {{"arpdstipaddr", "192.0.2.1"}}).tests(),
      ElementsAre("arpdstipaddr == 192.0.2.1", "ethertype == 2054", "hlen == 6", "plen == 4", "protocoltype == 2048"));
  EXPECT_THAT(tests_of(Protocol::Arp, {{"gratuitous", "true"}}).tests(),
              ElementsAre("ethertype == 2054", "gratuitous", "hlen == 6", "plen == 4", "protocoltype == 2048"));
  EXPECT_THAT(tests_of(Protocol::Arp, {{"gratuitous", "false"}}).tests(), ElementsAre("ethertype == 2054"));
}

// docs/compatibility.md: libvirt 9.0 does so.
TEST(RuleTests, ArpsTargetAddressWithoutMaskTakesTheSources) {
  EXPECT_THAT(
      tests_of(Protocol::Arp, {{"arpsrcipaddr", "192.0.2.1"}, {"arpsrcipmask", "24"}, {"arpdstipaddr", "198.51.100.1"}})
          .tests(),
      testing::IsSupersetOf(
          {"arpsrcipaddr & 255.255.255.0 == 192.0.2.0", "arpdstipaddr & 255.255.255.0 == 198.51.100.0"}));
  EXPECT_THAT(tests_of(Protocol::Arp, {{"arpsrcipaddr", "192.0.2.1"},
                                       {"arpsrcipmask", "24"},
                                       {"arpdstipaddr", "198.51.100.1"},
                                       {"arpdstipmask", "32"}})
                  .tests(),
              Contains("arpdstipaddr & 255.255.255.255 == 198.51.100.1"));
}

// linux/net/bridge/netfilter/ebt_stp.c looks at nothing else, and takes the byte behind for the first of a
// configuration.
TEST(RuleTests, BpdusHaveACertainHead) {
  const std::string group = "group == 01:80:c2:00:00:00";
  const std::string header = fmt::format("bpdu == {}", 0x4242'0300'0000);  // LLC, protocol identifier 0, version 0
  EXPECT_THAT(tests_of(Protocol::Stp, {{"root-cost", "7"}, {"root-cost-hi", "9"}}).alternatives(),
              ElementsAre(ElementsAre(header, group, "root-cost in 7..9")));
  EXPECT_THAT(tests_of(Protocol::Stp, {{"type", "128"}}).alternatives(),
              ElementsAre(ElementsAre(header, group, "type == 128")));
}

TEST(RuleTests, ARangeThatEndsBeforeItStartsIsRefused) {
  const std::vector<FilterRule> rules = {
      rule(kDrop, kIn, Protocol::Tcp, {{"dstportstart", "90"}, {"dstportend", "80"}}),
      rule(kDrop, kIn, Protocol::All, {{"srcipfrom", "192.0.2.2"}, {"srcipto", "192.0.2.1"}}),
      rule(kDrop, kIn, Protocol::AllIpv6, {{"dstipfrom", "2001:db8::2"}, {"dstipto", "2001:db8::1"}}),
      rule(kDrop, kIn, Protocol::Stp, {{"root-cost", "256"}, {"root-cost-hi", "255"}}),
      rule(kDrop, kIn, Protocol::Ip, {{"protocol", "17"}, {"srcportstart", "0x100"}, {"srcportend", "9"}}),
      rule(kDrop, kIn, Protocol::Ipv6, {{"protocol", "icmpv6"}, {"type", "5"}, {"typeend", "3"}}),
      rule(kDrop, kIn, Protocol::Ipv6, {{"protocol", "icmpv6"}, {"type", "5"}, {"code", "2"}, {"codeend", "1"}}),
  };
  for (const FilterRule& given : rules) {
    SCOPED_TRACE(protocol_name(given.protocol));
    const Outcome outcome = tests_of(given);
    ASSERT_FALSE(outcome.result);
    EXPECT_EQ(outcome.result.error().kind, ErrorKind::Invalid);
    EXPECT_THAT(outcome.result.error().message, HasSubstr("f rule 1 line 2"));
    EXPECT_EQ(outcome.result.error().where.file, kFile);
  }
  const Outcome by_variable =
      tests_of(Protocol::Tcp, {{"dstportstart", "90"}, {"dstportend", "$END"}}, {{"END", {"99", "80"}}});
  ASSERT_FALSE(by_variable.result);
  EXPECT_EQ(by_variable.result.error().kind, ErrorKind::Invalid);
}

TEST(RuleTests, AnIpsetIsLookedUpByItsFlags) {
  const Outcome outcome = tests_of(Protocol::All, {{"ipset", "blocked"}, {"ipsetflags", "src,dst"}});
  ASSERT_TRUE(outcome.result);
  const auto& tests = outcome.result->alternatives.at(0);
  EXPECT_EQ(tests.at(0), nwf::Test(test::Ipset{"blocked", {false, true}, false}));
}

TEST(RuleTests, AnIpsetWithoutFlagsIsRefused) {
  const Outcome outcome = tests_of(Protocol::All, {{"ipset", "blocked"}});
  ASSERT_FALSE(outcome.result);
  EXPECT_EQ(outcome.result.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(outcome.result.error().message, HasSubstr("'blocked'"));
}

TEST(RuleTests, ConnectionStateIsNoMatterOfThem) {
  EXPECT_THAT(tests_of(Protocol::Tcp, {{"state", "NEW"}, {"connlimit-above", "3"}}).tests(),
              ElementsAre("l4proto == 6"));
}

TEST(RuleVariables, AConnectionLimitIsOneForEachValue) {
  const Outcome outcome = tests_of(rule(kDrop, kIn, Protocol::Tcp, {{"dstportstart", "22"}, {"connlimit-above", "$N"}}),
                                   {{"N", {"3", "20", "3"}}});
  EXPECT_THAT(outcome.alternatives(),
              UnorderedElementsAre(ElementsAre("above 3 connections", "dstportstart == 22", "l4proto == 6"),
                                   ElementsAre("above 20 connections", "dstportstart == 22", "l4proto == 6")));
  EXPECT_THAT(outcome.facts(), ElementsAre("N is 3 20 3"));
}

// Views.

constexpr RuleView kMirrored{true, false};
constexpr RuleView kReply{true, true};

TEST(RuleView, AMirroredOneExchangesSourceAndDestination) {
  EXPECT_THAT(tests_of(rule(kDrop, kIn, Protocol::Tcp,
                            {{"srcipaddr", "192.0.2.0"},
                             {"srcipmask", "24"},
                             {"dstipfrom", "198.51.100.1"},
                             {"dstipto", "198.51.100.9"},
                             {"srcportstart", "80"},
                             {"srcportend", "81"},
                             {"dstportstart", "$P"}}),
                       {{"P", {"1"}}}, kReply)
                  .tests(),
              UnorderedElementsAre("l4proto == 6", "dstipaddr & 255.255.255.0 == 192.0.2.0",
                                   "srcipaddr in 198.51.100.1..198.51.100.9", "dstportstart in 80..81",
                                   "{srcportstart} in $P"));
  EXPECT_THAT(tests_of(rule(kDrop, kIn, Protocol::Arp, {{"arpsrcmacaddr", "$MAC"}, {"srcmacaddr", "$MAC"}}),
                       {{"MAC", {"52:54:00:00:00:01"}}}, kMirrored)
                  .tests(),
              testing::IsSupersetOf({"{arpdstmacaddr} in $MAC", "{dstmacaddr} in $MAC"}));
}

TEST(RuleView, AMirroredOneKeepsWhatHasNoSide) {
  EXPECT_THAT(tests_of(rule(kDrop, kIn, Protocol::Tcp, {{"flags", "SYN/SYN"}, {"dscp", "1"}}), {}, kReply).tests(),
              ElementsAre("dscp & 252 == 4", "flags & 2 == 2", "l4proto == 6"));
}

TEST(RuleView, AReplysSenderIsNotTested) {
  const Outcome outcome =
      tests_of(rule(kDrop, kIn, Protocol::Tcp, {{"srcmacaddr", "$MAC"}, {"dstportstart", "80"}}), {}, kReply);
  EXPECT_THAT(outcome.tests(), ElementsAre("l4proto == 6", "srcportstart == 80"));
  ASSERT_TRUE(outcome.result);
  EXPECT_FALSE(outcome.result->nothing_left);
}

TEST(RuleView, AReplyRuleWithNothingButItsSenderIsLeftOut) {
  struct Case {
    std::string name;
    FilterRule given;
    bool nothing_left;
  };
  const std::vector<Case> cases = {
      {"sender", rule(kDrop, kIn, Protocol::Tcp, {{"srcmacaddr", "52:54:00:00:00:01"}}), true},
      {"sender and state", rule(kDrop, kIn, Protocol::Tcp, {{"srcmacaddr", "52:54:00:00:00:01"}, {"state", "NEW"}}),
       true},
      {"sender and comment",
       rule(kDrop, kIn, Protocol::Tcp, {{"srcmacaddr", "52:54:00:00:00:01"}, {"comment", "mine"}}), true},
      {"nothing from the start", rule(kDrop, kIn, Protocol::Tcp), false},
      {"sender and address",
       rule(kDrop, kIn, Protocol::Tcp, {{"srcmacaddr", "52:54:00:00:00:01"}, {"srcipaddr", "192.0.2.1"}}), false},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.name);
    const Outcome outcome = tests_of(given.given, {}, kReply);
    ASSERT_TRUE(outcome.result);
    EXPECT_EQ(outcome.result->nothing_left, given.nothing_left);
    EXPECT_EQ(outcome.result->alternatives.empty(), given.nothing_left);
  }
}

TEST(RuleView, AnStpRuleWithASenderHasNoMirror) {
  const FilterRule given = rule(kDrop, Direction::InOut, Protocol::Stp, {{"srcmacaddr", "52:54:00:00:00:01"}});
  EXPECT_TRUE(tests_of(given).result);
  const Outcome mirrored = tests_of(given, {}, kMirrored);
  ASSERT_FALSE(mirrored.result);
  EXPECT_EQ(mirrored.result.error().kind, ErrorKind::Invalid);
}

// Variables.

TEST(RuleVariables, ValuesAreElementsOfASetWhateverTheyAre) {
  for (const std::vector<std::string>& values :
       {std::vector<std::string>{"192.0.2.1"}, {"192.0.2.1", "192.0.2.2"}, {"192.0.2.1", "192.0.2.1"}}) {
    const Outcome outcome = tests_of(Protocol::Ip, {{"srcipaddr", "$IP"}}, {{"IP", values}});
    EXPECT_THAT(outcome.tests(), ElementsAre("ethertype == 2048", "{srcipaddr} in $IP"));
    EXPECT_THAT(outcome.facts(), IsEmpty());
  }
}

TEST(RuleVariables, EveryKindOfSetElementSaysHowToReadItsValues) {
  const Outcome outcome = tests_of(Protocol::Mac, {{"protocolid", "$T"}}, {{"T", {"arp", "0x800"}}});
  ASSERT_TRUE(outcome.result);
  ASSERT_EQ(outcome.result->alternatives.size(), 1U);
  const auto& member = std::get<test::Member>(outcome.result->alternatives[0].back());
  ASSERT_EQ(member.set.columns.size(), 1U);
  EXPECT_EQ(member.set.columns[0].kind, ValueKind::EtherType);
  EXPECT_EQ(member.set.columns[0].part, (KeyPart{KeyType::EtherType, 2}));
}

TEST(RuleVariables, AWrittenMaskIsOneOfTheSetToo) {
  const Outcome outcome =
      tests_of(Protocol::Ip, {{"dstipaddr", "$NET"}, {"dstipmask", "255.255.255.0"}}, {{"NET", {"192.0.2.0"}}});
  EXPECT_THAT(outcome.tests(), ElementsAre("ethertype == 2048", "{dstipaddr & 255.255.255.0} in $NET"));
  const auto& member = std::get<test::Member>(outcome.result->alternatives[0].back());
  EXPECT_EQ(member.set.columns[0].mask, (Bytes{255, 255, 255, 0}));
}

TEST(RuleVariables, OnOneIteratorTheyStepTogether) {
  const Variables lists = {{"A", {"192.0.2.1", "192.0.2.2"}}, {"P", {"80", "443"}}};
  EXPECT_THAT(tests_of(Protocol::Tcp, {{"srcipaddr", "$A"}, {"dstportstart", "$P"}}, lists).tests(),
              ElementsAre("l4proto == 6", "{srcipaddr, dstportstart} in $A, $P"));
  EXPECT_THAT(tests_of(Protocol::Tcp, {{"srcipaddr", "$A[@1]"}, {"dstportstart", "$P[@1]"}}, lists).tests(),
              ElementsAre("l4proto == 6", "{srcipaddr, dstportstart} in $A, $P"));
  EXPECT_THAT(tests_of(Protocol::All, {{"srcipaddr", "$A"}, {"dstipaddr", "$A"}}, lists).tests(),
              ElementsAre("{srcipaddr, dstipaddr} in $A, $A"));
}

TEST(RuleVariables, OnDifferentIteratorsTheyMakeEveryPair) {
  const Variables lists = {{"A", {"192.0.2.1", "192.0.2.2", "192.0.2.3"}}, {"P", {"80", "443"}}};
  EXPECT_THAT(tests_of(Protocol::Tcp, {{"srcipaddr", "$A[@1]"}, {"dstportstart", "$P[@2]"}}, lists).tests(),
              ElementsAre("l4proto == 6", "{dstportstart} in $P", "{srcipaddr} in $A"));
}

// What Debian 12's nft cannot list must not come into the kernel: tests/netns/nft_reads_back.py.
TEST(RuleVariables, AStepOfMoreVariablesThanNftCanListIsConstants) {
  const auto facts = [](Protocol protocol, std::size_t count) {
    const std::vector<std::pair<std::string, std::string>> attributes = {{"arpsrcipaddr", "192.0.2.1"},
                                                                         {"arpdstipaddr", "192.0.2.2"},
                                                                         {"arpsrcmacaddr", "52:54:00:00:00:01"},
                                                                         {"arpdstmacaddr", "52:54:00:00:00:02"},
                                                                         {"opcode", "2"}};
    FilterRule given = rule(kDrop, kIn, protocol, {});
    Variables variables;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string variable = fmt::format("V{}", i);
      given.attributes.push_back(rule(kDrop, kIn, protocol, {{attributes[i].first, "$" + variable}}).attributes[0]);
      variables[variable] = {attributes[i].second};
    }
    return tests_of(given, variables).facts();
  };
  EXPECT_THAT(facts(Protocol::Arp, 4), IsEmpty());
  EXPECT_THAT(facts(Protocol::Arp, 5), SizeIs(5));
  // RARP's fields are bare numbers to nft.
  EXPECT_THAT(facts(Protocol::Rarp, 3), IsEmpty());
  EXPECT_THAT(facts(Protocol::Rarp, 4), UnorderedElementsAre("V0 is 192.0.2.1", "V1 is 192.0.2.2",
                                                             "V2 is 52:54:00:00:00:01", "V3 is 52:54:00:00:00:02"));
}

TEST(RuleVariables, ListsOfUnequalLengthDoNotStepTogether) {
  const Variables lists = {{"A", {"192.0.2.1", "192.0.2.2", "192.0.2.3"}}, {"P", {"80", "443"}}};
  const Outcome outcome = tests_of(Protocol::Tcp, {{"srcipaddr", "$A"}, {"dstportstart", "$P"}}, lists);
  ASSERT_FALSE(outcome.result);
  const Error& error = outcome.result.error();
  EXPECT_EQ(error.kind, ErrorKind::Invalid);
  EXPECT_THAT(error.message, HasSubstr("$A has 3"));
  EXPECT_THAT(error.message, HasSubstr("$P has 2"));
  EXPECT_EQ(error.where.line, 2);
}

TEST(RuleVariables, ASubscriptIsOneValue) {
  const Outcome outcome =
      tests_of(Protocol::All, {{"srcipaddr", "$A[1]"}, {"dstipaddr", "$A[0]"}}, {{"A", {"192.0.2.1", "192.0.2.2"}}});
  EXPECT_THAT(outcome.tests(), ElementsAre("{dstipaddr} in $A[0]", "{srcipaddr} in $A[1]"));
  EXPECT_THAT(outcome.facts(), IsEmpty());
}

// Also of rules that a program is without in the end: another port's values are looked at by these facts alone.
TEST(RuleVariables, WhatEveryPortMustHaveIsAFact) {
  const auto must_hold = [](const Shape& shape, const Variables& variables) {
    EXPECT_TRUE(shape.holds(variables));
    EXPECT_EQ(shape.suffix(), "") << "a port that has it has no program of its own";
  };
  const Variables lists = {{"A", {"192.0.2.1", "192.0.2.2"}}, {"P", {"80", "443"}}};
  const Shape together = tests_of(Protocol::Tcp, {{"srcipaddr", "$A"}, {"dstportstart", "$P"}}, lists).shape;
  must_hold(together, lists);
  must_hold(together, {{"A", {"192.0.2.9"}}, {"P", {"22"}}});
  EXPECT_FALSE(together.holds({{"A", {"192.0.2.1"}}, {"P", {"80", "443"}}}));
  EXPECT_FALSE(together.holds({{"A", {"192.0.2.1"}}}));

  const Shape second = tests_of(Protocol::All, {{"srcipaddr", "$A[1]"}}, lists).shape;
  must_hold(second, {{"A", {"192.0.2.7", "192.0.2.8", "192.0.2.9"}}});
  EXPECT_FALSE(second.holds({{"A", {"192.0.2.7"}}}));

  // The other list of the step is the reference's.
  const Shape counted = tests_of(rule(kDrop, kIn, Protocol::Tcp, {{"srcipaddr", "$A"}, {"dstportstart", "$P"}}),
                                 {{"A", {"192.0.2.1", "192.0.2.2"}}}, {}, {{"P", {"80", "443"}}})
                            .shape;
  EXPECT_TRUE(counted.holds({{"A", {"192.0.2.1", "192.0.2.2"}}}));
  EXPECT_FALSE(counted.holds({{"A", {"192.0.2.1"}}}));
}

TEST(RuleVariables, ASubscriptOutOfRangeIsRefused) {
  const Outcome outcome = tests_of(Protocol::All, {{"srcipaddr", "$A[2]"}}, {{"A", {"192.0.2.1", "192.0.2.2"}}});
  ASSERT_FALSE(outcome.result);
  const Error& error = outcome.result.error();
  EXPECT_EQ(error.kind, ErrorKind::Invalid);
  EXPECT_THAT(error.message, HasSubstr("$A[2]"));
  EXPECT_EQ(error.where, (Source{std::string(kFile), 2, 1}));
  EXPECT_TRUE(tests_of(Protocol::All, {{"srcipaddr", "$A[1]"}}, {{"A", {"192.0.2.1", "192.0.2.2"}}}).result);
}

TEST(RuleVariables, AMissingOneIsNamedWithItsPlace) {
  const Outcome outcome = tests_of(Protocol::Tcp, {{"dstportstart", "80"}, {"srcipaddr", "$GONE"}}, {{"IP", {"x"}}});
  ASSERT_FALSE(outcome.result);
  const Error& error = outcome.result.error();
  EXPECT_EQ(error.kind, ErrorKind::Invalid);
  EXPECT_THAT(error.message, HasSubstr("$GONE"));
  EXPECT_THAT(error.message, HasSubstr("f rule 1 line 2"));
  EXPECT_THAT(error.remedy, HasSubstr("GONE"));
  EXPECT_EQ(error.where, (Source{std::string(kFile), 2, 2}));
}

TEST(RuleVariables, AMissingIpMayAlsoComeFromTheInterface) {
  const Outcome outcome = tests_of(Protocol::Ip, {{"srcipaddr", "$IP"}});
  ASSERT_FALSE(outcome.result);
  EXPECT_THAT(outcome.result.error().remedy, HasSubstr("<ip address="));
}

TEST(RuleVariables, EveryValueMustBeOfTheKind) {
  const std::vector<std::string> values = {"192.0.2.1", "2001:db8::1"};
  for (const FilterRule& given : {rule(kDrop, kIn, Protocol::Ip, {{"srcipaddr", "$A"}}),
                                  negated(rule(kDrop, kIn, Protocol::Ip, {{"srcipaddr", "$A"}})),
                                  rule(kDrop, kIn, Protocol::All, {{"srcipfrom", "$A"}, {"srcipto", "$A"}})}) {
    const Outcome outcome = tests_of(given, {{"A", values}});
    ASSERT_FALSE(outcome.result);
    const Error& error = outcome.result.error();
    EXPECT_EQ(error.kind, ErrorKind::Invalid);
    EXPECT_THAT(error.message, HasSubstr("'2001:db8::1' of $A"));
    EXPECT_THAT(error.message, HasSubstr("srcip"));
    EXPECT_EQ(error.where.line, 2);
  }
  EXPECT_FALSE(tests_of(Protocol::Ip, {{"srcipaddr", "$A"}}, {{"A", {"$B"}}, {"B", {"192.0.2.1"}}}).result)
      << "a value is no variable";
}

TEST(RuleVariables, NotTheOneValueIsNotInTheSet) {
  const FilterRule given = negated(rule(kDrop, kIn, Protocol::Ip, {{"srcipaddr", "$IP"}}));
  for (const std::vector<std::string>& values : {std::vector<std::string>{"192.0.2.1"}, {"192.0.2.1", "192.0.2.1"}}) {
    const Outcome outcome = tests_of(given, {{"IP", values}});
    EXPECT_THAT(outcome.tests(), ElementsAre("ethertype == 2048", "{srcipaddr} not in $IP"));
    EXPECT_THAT(outcome.facts(), ElementsAre("IP single"));
  }
}

TEST(RuleVariables, NotTheOwnMacOwesNothingToItsValue) {
  const Outcome outcome =
      tests_of(negated(rule(kDrop, kIn, Protocol::Mac, {{"srcmacaddr", "$MAC"}})), {{"MAC", {"52:54:00:00:00:01"}}});
  EXPECT_THAT(outcome.tests(), ElementsAre("{srcmacaddr} not in $MAC"));
  EXPECT_THAT(outcome.facts(), IsEmpty());
}

TEST(RuleVariables, NotASubscriptIsNotTheOneValue) {
  const Outcome outcome = tests_of(negated(rule(kDrop, kIn, Protocol::Ip, {{"srcipaddr", "$IP[1]"}})),
                                   {{"IP", {"192.0.2.1", "192.0.2.2"}}});
  EXPECT_THAT(outcome.tests(), ElementsAre("ethertype == 2048", "{srcipaddr} not in $IP[1]"));
  EXPECT_THAT(outcome.facts(), IsEmpty());
}

// Each value makes a rule of its own, and one of them always matches: what is not the first value, or not the second.
TEST(RuleVariables, NotAListOfDifferentValuesIsAlwaysTrue) {
  const Outcome outcome =
      tests_of(negated(rule(kDrop, kIn, Protocol::Ip, {{"srcipaddr", "$IP"}, {"dstipaddr", "192.0.2.9"}})),
               {{"IP", {"192.0.2.1", "192.0.2.2"}}});
  EXPECT_THAT(outcome.tests(), ElementsAre("dstipaddr != 192.0.2.9", "ethertype == 2048"));
  EXPECT_THAT(outcome.facts(), ElementsAre("IP is 192.0.2.1 192.0.2.2"));
}

// A fragment has no ports, so that nothing is true of them.
TEST(RuleVariables, NotAListOfPortsStillNeedsAPort) {
  const Outcome outcome =
      tests_of(negated(rule(kDrop, kIn, Protocol::Tcp, {{"srcportstart", "$P"}})), {{"P", {"80", "443"}}});
  EXPECT_THAT(outcome.alternatives(), UnorderedElementsAre(ElementsAre("l4proto == 6", "srcportstart != 80"),
                                                           ElementsAre("l4proto == 6", "srcportstart != 443")));
  EXPECT_THAT(outcome.facts(), ElementsAre("P is 80 443"));
}

TEST(RuleVariables, NotAPairOfListsTurnsEachSideOfEachStep) {
  const Outcome outcome = tests_of(negated(rule(kDrop, kIn, Protocol::All, {{"srcipaddr", "$A"}, {"dstipaddr", "$B"}})),
                                   {{"A", {"192.0.2.1", "192.0.2.2"}}, {"B", {"192.0.2.8", "192.0.2.9"}}});
  EXPECT_THAT(outcome.alternatives(),
              UnorderedElementsAre(ElementsAre("dstipaddr != 192.0.2.8", "srcipaddr != 192.0.2.1"),
                                   ElementsAre("dstipaddr != 192.0.2.9", "srcipaddr != 192.0.2.2")));
}

TEST(RuleVariables, AMaskFromOneIsAConstantOfThePort) {
  const Outcome outcome =
      tests_of(Protocol::Ip, {{"srcipaddr", "192.0.2.77"}, {"srcipmask", "$M"}}, {{"M", {"24", "255.255.255.192"}}});
  EXPECT_THAT(outcome.alternatives(),
              UnorderedElementsAre(ElementsAre("ethertype == 2048", "srcipaddr & 255.255.255.0 == 192.0.2.0"),
                                   ElementsAre("ethertype == 2048", "srcipaddr & 255.255.255.192 == 192.0.2.64")));
  EXPECT_THAT(outcome.facts(), ElementsAre("M is 24 255.255.255.192"));
}

TEST(RuleVariables, ConstantsOnOneIteratorStepTogether) {
  const Outcome outcome =
      tests_of(Protocol::Udp, {{"dstportstart", "$A"}, {"dstportend", "$B"}}, {{"A", {"1", "10"}}, {"B", {"5", "15"}}});
  EXPECT_THAT(outcome.alternatives(), UnorderedElementsAre(ElementsAre("dstportstart in 1..5", "l4proto == 17"),
                                                           ElementsAre("dstportstart in 10..15", "l4proto == 17")));
  EXPECT_THAT(outcome.facts(), ElementsAre("A is 1 10", "B is 5 15"));
}

TEST(RuleVariables, ConstantsOnDifferentIteratorsMakeEveryPair) {
  const Outcome outcome = tests_of(Protocol::Udp, {{"dstportstart", "$A[@1]"}, {"dstportend", "$B[@2]"}},
                                   {{"A", {"1", "2"}}, {"B", {"8", "9"}}});
  EXPECT_THAT(outcome.alternatives(), UnorderedElementsAre(ElementsAre("dstportstart in 1..8", "l4proto == 17"),
                                                           ElementsAre("dstportstart in 1..9", "l4proto == 17"),
                                                           ElementsAre("dstportstart in 2..8", "l4proto == 17"),
                                                           ElementsAre("dstportstart in 2..9", "l4proto == 17")));
}

TEST(RuleVariables, EqualStepsAreThereOnce) {
  const Outcome outcome = tests_of(Protocol::Udp, {{"dstportstart", "$A"}, {"dstportend", "$B"}},
                                   {{"A", {"1", "1", "1"}}, {"B", {"5", "6", "5"}}});
  EXPECT_THAT(outcome.alternatives(), UnorderedElementsAre(ElementsAre("dstportstart in 1..5", "l4proto == 17"),
                                                           ElementsAre("dstportstart in 1..6", "l4proto == 17")));
}

TEST(RuleVariables, ListsOfIcmpTypesAreAlternatives) {
  const Outcome outcome = tests_of(Protocol::Icmp, {{"type", "$T"}}, {{"T", {"0", "8"}}});
  EXPECT_THAT(outcome.alternatives(),
              UnorderedElementsAre(ElementsAre("l4proto == 1", "type == 0"), ElementsAre("l4proto == 1", "type == 8")));
}

TEST(RuleVariables, AReferencesParameterIsAConstantOfTheFilter) {
  const Outcome outcome =
      tests_of(rule(kDrop, kIn, Protocol::Ip, {{"srcipaddr", "$A"}}), {}, {}, {{"A", {"192.0.2.1", "192.0.2.2"}}});
  EXPECT_THAT(outcome.alternatives(), UnorderedElementsAre(ElementsAre("ethertype == 2048", "srcipaddr == 192.0.2.1"),
                                                           ElementsAre("ethertype == 2048", "srcipaddr == 192.0.2.2")));
  EXPECT_THAT(outcome.facts(), ElementsAre("A not given"));
}

TEST(RuleVariables, TheBindingsValueWinsOverAReferences) {
  const Outcome outcome = tests_of(rule(kDrop, kIn, Protocol::Ip, {{"srcipaddr", "$A"}}), {{"A", {"198.51.100.1"}}}, {},
                                   {{"A", {"192.0.2.1", "192.0.2.2"}}});
  EXPECT_THAT(outcome.tests(), ElementsAre("ethertype == 2048", "{srcipaddr} in $A"));
  EXPECT_THAT(outcome.facts(), ElementsAre("A given"));
}

// The kernel's registers hold 64 bytes, of which the port's name takes 16.
TEST(RuleVariables, AStepTooWideForASetsKeyIsAConstantOfThePort) {
  const Outcome outcome =
      tests_of(Protocol::Ipv6,
               {{"srcmacaddr", "$M"},
                {"dstmacaddr", "$M"},
                {"srcipaddr", "$A"},
                {"dstipaddr", "$A"},
                {"protocol", "udp"},
                {"dstportstart", "$P"}},
               {{"M", {"2:0:0:0:0:1", "2:0:0:0:0:2"}}, {"A", {"2001:db8::1", "2001:db8::2"}}, {"P", {"80", "443"}}});
  EXPECT_THAT(outcome.alternatives(),
              UnorderedElementsAre(ElementsAre("dstipaddr == 2001:db8::1", "dstmacaddr == 02:00:00:00:00:01",
                                               "dstportstart == 80", "ethertype == 34525", "protocol == 17",
                                               "srcipaddr == 2001:db8::1", "srcmacaddr == 02:00:00:00:00:01"),
                                   ElementsAre("dstipaddr == 2001:db8::2", "dstmacaddr == 02:00:00:00:00:02",
                                               "dstportstart == 443", "ethertype == 34525", "protocol == 17",
                                               "srcipaddr == 2001:db8::2", "srcmacaddr == 02:00:00:00:00:02")));
  EXPECT_THAT(outcome.facts(),
              ElementsAre("A is 2001:db8::1 2001:db8::2", "M is 2:0:0:0:0:1 2:0:0:0:0:2", "P is 80 443"));
}

}  // namespace
}  // namespace nwf
