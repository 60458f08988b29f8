// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/rule.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace nwf::xml {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kFile = "a.xml";

struct Outcome {
  std::optional<FilterRule> rule;
  std::vector<Error> warnings;
  std::optional<Error> error;
};

Outcome read(std::string_view text) {
  const auto element = read_document(text, kFile);
  if (!element) {
    ADD_FAILURE() << describe(element.error());
    return {};
  }
  Mistakes mistakes;
  Outcome outcome;
  outcome.rule = read_rule(*element, mistakes);
  if (!mistakes.none()) outcome.error = mistakes.take();
  outcome.warnings = mistakes.take_warnings();
  return outcome;
}

/// A rule of which nothing is to be said.
FilterRule good(std::string_view text) {
  Outcome outcome = read(text);
  EXPECT_FALSE(outcome.error) << describe_all(*outcome.error);
  EXPECT_THAT(outcome.warnings, IsEmpty());
  EXPECT_TRUE(outcome.rule);
  return outcome.rule.value_or(FilterRule{});
}

std::string drop(std::string_view inside) {
  return fmt::format("<rule action='drop' direction='out'>{}</rule>", inside);
}

/// ` name=text`, with a `!` when it is negated, for each attribute in its order.
std::string attributes(const FilterRule& rule) {
  std::string out;
  for (const Attribute& attribute : rule.attributes) {
    const auto* literal = std::get_if<Literal>(&attribute.value);
    out += fmt::format(" {}{}={}", row_of(attribute.field).name, attribute.negated ? "!" : "",
                       literal != nullptr ? literal->text : std::get<VariableRef>(attribute.value).text());
  }
  return out;
}

std::string place(const Source& source) { return fmt::format("{}:{}:{}", source.file, source.line, source.column); }

TEST(ReadRule, HasAnActionAndADirection) {
  for (const Action action : {Action::Accept, Action::Drop, Action::Reject, Action::Return, Action::Continue})
    for (const Direction direction : {Direction::In, Direction::Out, Direction::InOut}) {
      const FilterRule rule =
          good(fmt::format("<rule action='{}' direction='{}'/>", action_name(action), direction_name(direction)));
      EXPECT_EQ(rule.action, action);
      EXPECT_EQ(rule.direction, direction);
    }
}

TEST(ReadRule, TheLeastMatchesEveryFrameInTheMiddleOfThePriorities) {
  const FilterRule rule = good("<rule action='accept' direction='in'/>");
  EXPECT_EQ(rule.protocol, Protocol::None);
  EXPECT_EQ(rule.priority, 500);
  EXPECT_TRUE(rule.statematch);
  EXPECT_THAT(rule.attributes, IsEmpty());
  EXPECT_EQ(place(rule.source), "a.xml:1:1");
}

TEST(ReadRule, StatematchIsSwitchedOffAsInLibvirt) {
  for (const char* text : {"false", "0", "False", "FALSE"})
    EXPECT_FALSE(good(fmt::format("<rule action='accept' direction='in' statematch='{}'/>", text)).statematch) << text;
}

TEST(ReadRule, StatematchThatIsTheDefaultIsAWarning) {
  for (const char* text : {"true", "1", "True"}) {
    SCOPED_TRACE(text);
    const Outcome outcome = read(fmt::format("<rule action='accept' direction='in' statematch='{}'/>", text));
    EXPECT_FALSE(outcome.error);
    ASSERT_TRUE(outcome.rule);
    EXPECT_TRUE(outcome.rule->statematch);
    ASSERT_THAT(outcome.warnings, SizeIs(1));
    EXPECT_THAT(outcome.warnings[0].message, HasSubstr("statematch"));
    EXPECT_THAT(outcome.warnings[0].remedy, HasSubstr("remove it"));
    EXPECT_EQ(place(outcome.warnings[0].where), "a.xml:1:1");
  }
}

TEST(ReadRule, EveryProtocolMayStandAlone) {
  for (int i = 1; i < kProtocolCount; ++i) {
    const auto protocol = static_cast<Protocol>(i);
    const FilterRule rule = good(drop(fmt::format("<{}/>", protocol_name(protocol))));
    EXPECT_EQ(rule.protocol, protocol);
    EXPECT_THAT(rule.attributes, IsEmpty());
  }
}

struct Good {
  std::string element;
  std::string attributes;  ///< as attributes() tells them
};

TEST(ReadRule, ReadsTheAttributesOfItsProtocol) {
  const std::vector<Good> cases = {
      {"<mac srcmacaddr='1:2:3:4:5:6' srcmacmask='FF:FF:FF:0:0:0' protocolid='arp'/>",
       " srcmacaddr=01:02:03:04:05:06 srcmacmask=ff:ff:ff:00:00:00 protocolid=arp"},
      {"<mac protocolid='0x86dd'/>", " protocolid=ipv6"},
      {"<vlan vlanid='4095' encap-protocol='0x600'/>", " vlanid=4095 encap-protocol=0x600"},
      {"<stp type='0x80' root-cost='1' root-cost-hi='4294967295'/>", " type=0x80 root-cost=1 root-cost-hi=4294967295"},
      {"<arp opcode='request' gratuitous='yes' arpsrcipaddr='192.0.2.0' arpsrcipmask='255.255.255.0'/>",
       " opcode=Request arpsrcipaddr=192.0.2.0 arpsrcipmask=24 gratuitous=true"},
      {"<rarp opcode='4' hwtype='1'/>", " hwtype=1 opcode=Reply_Reverse"},
      {"<ip srcipaddr='10.0.0.0' srcipmask='8' protocol='udp' dstportstart='67' dstportend='68' dscp='0x3f'/>",
       " srcipaddr=10.0.0.0 srcipmask=8 protocol=udp dstportstart=67 dstportend=68 dscp=0x3f"},
      {"<ip protocol='33' dstportstart='1'/>", " protocol=33 dstportstart=1"},
      {"<ip protocol='$P' dstportstart='1'/>", " protocol=$P dstportstart=1"},
      {"<ipv6 srcipaddr='2001:DB8:0::1' srcipmask='ffff::' protocol='icmpv6' type='1' typeend='4' code='0' "
       "codeend='9'/>",
       " srcipaddr=2001:db8::1 srcipmask=16 protocol=icmpv6 type=1 typeend=4 code=0 codeend=9"},
      {"<ipv6 protocol='0x3a' type='1'/>", " protocol=icmpv6 type=1"},
      {"<tcp state='RELATED,NEW' flags='ack,syn/SYN' option='8' connlimit-above='3'/>",
       " flags=SYN,ACK/SYN option=8 connlimit-above=3 state=NEW,RELATED"},
      {"<udp srcipfrom='192.0.2.1' srcipto='192.0.2.9' dstipfrom='$A' dstipto='$B'/>",
       " srcipfrom=192.0.2.1 srcipto=192.0.2.9 dstipfrom=$A dstipto=$B"},
      {"<icmp type='255' code='0'/>", " type=255 code=0"},
      {"<icmpv6 type='0x87' state='NONE'/>", " type=0x87 state=NONE"},
      {"<all-ipv6 srcipaddr='::' srcipmask='0' ipset='my set' ipsetflags='src,dst'/>",
       " srcipaddr=:: srcipmask=0 ipset=my set ipsetflags=src,dst"},
      {"<esp comment='it &lt;is&gt; $free'/>", " comment=it <is> $free"},
      {"<tcp srcipaddr='$IP' dstportstart='$PORT[@1]' dstportend='$PORTS[ 2 ]' srcmacaddr='$MAC[@0]'/>",
       " srcmacaddr=$MAC srcipaddr=$IP dstportstart=$PORT[@1] dstportend=$PORTS[2]"},
  };
  for (const Good& given : cases) {
    SCOPED_TRACE(given.element);
    EXPECT_EQ(attributes(good(drop(given.element))), given.attributes);
  }
}

TEST(ReadRule, OneNameIsAnotherFieldInAnotherProtocol) {
  EXPECT_EQ(good(drop("<tcp srcipaddr='192.0.2.1'/>")).attributes.at(0).field, Field::SrcIp4);
  EXPECT_EQ(good(drop("<tcp-ipv6 srcipaddr='2001:db8::1'/>")).attributes.at(0).field, Field::SrcIp6);
  EXPECT_EQ(good(drop("<stp type='1'/>")).attributes.at(0).field, Field::StpType);
  EXPECT_EQ(good(drop("<icmp type='1'/>")).attributes.at(0).field, Field::IcmpType);
  EXPECT_EQ(good(drop("<stp flags='1'/>")).attributes.at(0).field, Field::StpFlags);
  EXPECT_EQ(good(drop("<tcp flags='SYN/SYN'/>")).attributes.at(0).field, Field::TcpFlags);
}

TEST(ReadRule, AttributesStandInTheOrderOfTheTableWhateverThatOfTheText) {
  const FilterRule one =
      good(drop("<tcp dscp='1' dstportend='9' dstportstart='1' srcipaddr='192.0.2.1' srcmacaddr='$MAC'/>"));
  const FilterRule two =
      good(drop("<tcp srcmacaddr='$MAC' srcipaddr='192.0.2.1' dstportstart='1' dstportend='9' dscp='1'/>"));
  EXPECT_EQ(attributes(one), attributes(two));
  EXPECT_TRUE(std::is_sorted(one.attributes.begin(), one.attributes.end(),
                             [](const Attribute& a, const Attribute& b) { return a.field < b.field; }));
}

TEST(ReadRule, MatchNoNegatesEachAttributeOfItsElement) {
  const FilterRule rule = good(drop("<ip match='no' srcipaddr='192.0.2.1' protocol='tcp' dstportstart='1'/>"));
  EXPECT_EQ(attributes(rule), " srcipaddr!=192.0.2.1 protocol!=tcp dstportstart!=1");
  EXPECT_EQ(attributes(good(drop("<ip srcipaddr='192.0.2.1' match='no'/>"))), " srcipaddr!=192.0.2.1")
      << "wherever match stands";
}

TEST(ReadRule, MatchYesIsWhatNoMatchIs) {
  EXPECT_EQ(attributes(good(drop("<ip match='yes' srcipaddr='192.0.2.1'/>"))),
            attributes(good(drop("<ip srcipaddr='192.0.2.1'/>"))));
}

TEST(ReadRule, ElementsOfOneProtocolAreOneMatch) {
  const FilterRule rule = good(
      "<rule action='drop' direction='out'>\n<tcp dstportstart='1'/>\n<tcp match='no' srcipaddr='192.0.2.1'/>\n"
      "<tcp dstportend='9' dscp='1'/></rule>");
  EXPECT_EQ(rule.protocol, Protocol::Tcp);
  EXPECT_EQ(attributes(rule), " srcipaddr!=192.0.2.1 dstportstart=1 dstportend=9 dscp=1");
  EXPECT_EQ(place(rule.find(Field::DstPortStart)->source), "a.xml:2:1");
  EXPECT_EQ(place(rule.find(Field::SrcIp4)->source), "a.xml:3:1");
  EXPECT_EQ(place(rule.find(Field::DstPortEnd)->source), "a.xml:4:1");
}

// As in libvirt, which reads each element of the protocol into the same rule.
TEST(ReadRule, ALaterElementsAttributeReplacesAnEarlierOnes) {
  EXPECT_EQ(attributes(good(drop("<tcp dstportstart='1' dscp='1'/><tcp match='no' dstportstart='2'/>"))),
            " dstportstart!=2 dscp=1");
  EXPECT_EQ(attributes(good(drop("<tcp match='no' dstportstart='1'/><tcp dstportstart='2'/>"))), " dstportstart=2");
}

TEST(ReadRule, CompanionsMayStandInAnotherElementOfTheProtocol) {
  EXPECT_EQ(attributes(good(drop("<ip dstportstart='1'/><ip protocol='tcp'/>"))), " protocol=tcp dstportstart=1");
  EXPECT_EQ(attributes(good(drop("<ip match='no' srcipmask='8'/><ip srcipaddr='10.0.0.0'/>"))),
            " srcipaddr=10.0.0.0 srcipmask!=8");
}

struct Warned {
  std::string element;
  std::string message;
  std::string attributes;  ///< what is left of the rule
};

TEST(ReadRule, WhatLibvirtIgnoresIsAWarningAndIgnored) {
  const std::vector<Warned> cases = {
      {"<tcp srcmacmask='ff:ff:ff:ff:ff:ff' srcmacaddr='$MAC'/>", "<tcp> does not look at 'srcmacmask'",
       " srcmacaddr=$MAC"},
      {"<tcp dstmacaddr='52:54:00:00:00:01'/>", "'dstmacaddr'", ""},
      {"<tcp-ipv6 flags='SYN/SYN' option='2'/>", "<tcp-ipv6> does not look at 'flags'", " option=2"},
      {"<mac srcipaddr='192.0.2.1'/>", "<mac> does not look at 'srcipaddr'", ""},
      {"<icmp dstportstart='25'/>", "'dstportstart'", ""},
      {"<udp flags='SYN/SYN' dscp='1'/>", "'flags'", " dscp=1"},
      {"<ip state='NEW'/>", "'state'", ""},
      {"<ipv6 dscp='1'/>", "'dscp'", ""},
      {"<ip type='8'/>", "'type'", ""},
      {"<arp dstipaddr='192.0.2.1'/>", "'dstipaddr'", ""},
      {"<icmpv6 type='1' typeend='2'/>", "'typeend'", " type=1"},
      {"<udp protocol='tcp'/>", "'protocol'", ""},
      // its value is nobody's business then
      {"<mac srcipaddr='nonsense'/>", "'srcipaddr'", ""},
      {"<vlan opcode='$A-B'/>", "'opcode'", ""},
  };
  for (const Warned& given : cases) {
    SCOPED_TRACE(given.element);
    const Outcome outcome = read("<rule action='drop' direction='out'>\n  " + given.element + "</rule>");
    EXPECT_FALSE(outcome.error);
    ASSERT_TRUE(outcome.rule);
    EXPECT_EQ(attributes(*outcome.rule), given.attributes);
    ASSERT_THAT(outcome.warnings, SizeIs(1));
    EXPECT_THAT(outcome.warnings[0].message, HasSubstr(given.message));
    EXPECT_THAT(outcome.warnings[0].remedy, HasSubstr("remove it"));
    EXPECT_EQ(place(outcome.warnings[0].where), "a.xml:2:3");
  }
}

TEST(ReadRule, AMaskWithoutItsAddressIsAWarning) {
  for (const char* element :
       {"<ip srcipmask='8'/>", "<tcp dstipmask='$M'/>", "<mac srcmacmask='ff:ff:ff:ff:ff:ff'/>",
        "<arp arpdstipmask='8'/>", "<all-ipv6 srcipmask='64'/>", "<stp root-address-mask='ff:ff:ff:ff:ff:ff'/>"}) {
    SCOPED_TRACE(element);
    const Outcome outcome = read(drop(element));
    EXPECT_FALSE(outcome.error);
    EXPECT_TRUE(outcome.rule);
    ASSERT_THAT(outcome.warnings, SizeIs(1));
    EXPECT_THAT(outcome.warnings[0].message, HasSubstr("says nothing"));
    EXPECT_THAT(outcome.warnings[0].remedy, HasSubstr("add the address"));
  }
}

TEST(ReadRule, ManyOddThingsAreManyWarnings) {
  const Outcome outcome =
      read("<rule action='drop' direction='out' statematch='1'><tcp dstmacaddr='x' type='1' srcipmask='8'/></rule>");
  EXPECT_FALSE(outcome.error);
  EXPECT_THAT(outcome.warnings, SizeIs(4));
}

TEST(ReadRule, TheEndOfARangeNeedsItsStart) {
  for (const FieldRow& row : field_rows()) {
    if (row.role != Role::RangeEnd) continue;
    for (int i = 1; i < kProtocolCount; ++i) {
      const auto protocol = static_cast<Protocol>(i);
      if ((row.protocols & bit(protocol)) == 0) continue;
      const bool ports = (protocol == Protocol::Ip || protocol == Protocol::Ipv6);
      const std::string with = ports ? " protocol='$P'" : "";
      SCOPED_TRACE(fmt::format("{} {}", protocol_name(protocol), row.name));
      const Outcome alone = read(drop(fmt::format("<{}{} {}='$A'/>", protocol_name(protocol), with, row.name)));
      ASSERT_TRUE(alone.error);
      EXPECT_THAT(alone.error->message, HasSubstr(fmt::format("{} without {}", row.name, row_of(row.base).name)));
      EXPECT_THAT(alone.error->more, IsEmpty());
      const FilterRule both = good(
          drop(fmt::format("<{}{} {}='$A' {}='$B'/>", protocol_name(protocol), with, row.name, row_of(row.base).name)));
      EXPECT_NE(both.find(row.field), nullptr);
      EXPECT_NE(both.find(row.base), nullptr);
    }
  }
}

TEST(ReadRule, PortsAtTheEthernetLayerNeedAProtocolThatHasThem) {
  for (const char* element : {"ip", "ipv6"}) {
    for (const char* protocol : {"tcp", "udp", "sctp", "33", "6", "0x11", "132", "$P", "$P[3]"}) {
      SCOPED_TRACE(protocol);
      EXPECT_THAT(good(drop(fmt::format("<{} protocol='{}' srcportstart='1'/>", element, protocol))).attributes,
                  SizeIs(2));
    }
    for (const char* protocol : {"icmp", "icmpv6", "igmp", "esp", "ah", "udplite", "0", "255"}) {
      SCOPED_TRACE(protocol);
      const Outcome outcome = read(drop(fmt::format("<{} protocol='{}' dstportstart='1'/>", element, protocol)));
      ASSERT_TRUE(outcome.error);
      EXPECT_THAT(outcome.error->message, HasSubstr("ports"));
    }
  }
}

TEST(ReadRule, OneBadValueIsOneMistake) {
  for (const char* element :
       {"<ip protocol='tpc' dstportstart='25'/>", "<ip protocol='tcp' dstportstart='x' dstportend='30'/>",
        "<tcp srcipaddr='1.2.3' srcipmask='24'/>", "<ipv6 protocol='icmp6' type='1'/>"}) {
    SCOPED_TRACE(element);
    const Outcome outcome = read(drop(element));
    ASSERT_TRUE(outcome.error);
    EXPECT_THAT(outcome.error->more, IsEmpty()) << describe_all(*outcome.error);
    EXPECT_THAT(outcome.warnings, IsEmpty());
  }
}

TEST(ReadRule, VariablesAreTakenWhereTheTableSaysSo) {
  for (const FieldRow& row : field_rows())
    for (int i = 1; i < kProtocolCount; ++i) {
      const auto protocol = static_cast<Protocol>(i);
      if ((row.protocols & bit(protocol)) == 0 || row.kind == ValueKind::Comment) continue;
      std::string more = row.role == Role::Value ? "" : fmt::format(" {}='$B'", row_of(row.base).name);
      if ((protocol == Protocol::Ip || protocol == Protocol::Ipv6) && row.field != Field::IpProtocol)
        more += " protocol='$P'";
      const std::string text = fmt::format("<{} {}='$A'{}/>", protocol_name(protocol), row.name, more);
      SCOPED_TRACE(text);
      const Outcome outcome = read(drop(text));
      EXPECT_EQ(outcome.error.has_value(), !row.variables);
      if (!row.variables) continue;
      const Attribute* attribute = outcome.rule->find(row.field);
      ASSERT_NE(attribute, nullptr);
      EXPECT_TRUE(std::holds_alternative<VariableRef>(attribute->value));
    }
}

TEST(ReadRule, WithoutActionOrDirectionThereIsNoRule) {
  for (const char* text : {"<rule direction='in'/>", "<rule action='drop'/>", "<rule/>"}) {
    const Outcome outcome = read(text);
    EXPECT_FALSE(outcome.rule);
    EXPECT_TRUE(outcome.error);
  }
  EXPECT_THAT(read("<rule/>").error->more, SizeIs(1)) << "both are told";
}

TEST(ReadRule, PlacesAreThoseOfTheElements) {
  const FilterRule rule =
      good("\n <rule action='drop' direction='out'>\n   <ip protocol='tcp'\n  dstportstart='1'/></rule>");
  EXPECT_EQ(place(rule.source), "a.xml:2:2");
  for (const Attribute& attribute : rule.attributes) EXPECT_EQ(place(attribute.source), "a.xml:3:4");
}

TEST(ReadPriority, IsANumberWithinItsLimits) {
  Element element;
  element.name = "rule";
  element.source = {kFile, 3, 4};
  for (const char* text : {"-1000", "-1", "0", "1", "1000", "007"}) {
    Mistakes mistakes;
    EXPECT_EQ(read_priority(text, element, mistakes), std::stoi(text));
    EXPECT_TRUE(mistakes.none());
  }
  for (const char* text : {"", "-1001", "1001", "+1", " 1", "1 ", "1,5", "0x1", "one", "99999999999999999999", "--1"}) {
    SCOPED_TRACE(text);
    Mistakes mistakes;
    EXPECT_FALSE(read_priority(text, element, mistakes));
    ASSERT_FALSE(mistakes.none());
    const Error error = mistakes.take();
    EXPECT_THAT(error.message, HasSubstr(fmt::format("'{}'", text)));
    EXPECT_THAT(error.message, HasSubstr("-1000 to 1000"));
    EXPECT_EQ(place(error.where), "a.xml:3:4");
  }
}

}  // namespace
}  // namespace nwf::xml
