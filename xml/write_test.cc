// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/write.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/model/rule_for_tests.h"
#include "xml/binding.h"
#include "xml/filter.h"

namespace nwf::xml {
namespace {

using for_tests::filter;
using for_tests::negated;
using for_tests::reference;
using for_tests::rule;
using for_tests::with_priority;
using for_tests::without_statematch;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kUuid = "6f145c54-e3de-9c33-544a-70b69c16af3b";

Filter read(const std::string& text) {
  auto parsed = read_filter(text, "written.xml");
  if (!parsed) {
    ADD_FAILURE() << describe_all(parsed.error()) << "\n" << text;
    return {};
  }
  EXPECT_THAT(parsed->warnings, IsEmpty()) << text;
  return std::move(parsed->value);
}

Binding read_binding_text(const std::string& text) {
  auto parsed = read_binding(text, "written.xml");
  if (!parsed) {
    ADD_FAILURE() << describe_all(parsed.error()) << "\n" << text;
    return {{}, *PortName::parse("failed"), {}, "", {}, {}};
  }
  return std::move(parsed->value);
}

/// All that two models must have in common; their places in a text are their own.
void expect_same(const FilterRule& a, const FilterRule& b) {
  EXPECT_EQ(a.action, b.action);
  EXPECT_EQ(a.direction, b.direction);
  EXPECT_EQ(a.priority, b.priority);
  EXPECT_EQ(a.statematch, b.statematch);
  EXPECT_EQ(a.protocol, b.protocol);
  ASSERT_EQ(a.attributes.size(), b.attributes.size());
  for (std::size_t i = 0; i < a.attributes.size(); ++i) {
    EXPECT_EQ(a.attributes[i].field, b.attributes[i].field);
    EXPECT_EQ(a.attributes[i].negated, b.attributes[i].negated);
    EXPECT_EQ(a.attributes[i].value, b.attributes[i].value) << row_of(a.attributes[i].field).name;
  }
}

void expect_same(const Filter& a, const Filter& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.uuid, b.uuid);
  EXPECT_EQ(a.chain, b.chain);
  EXPECT_EQ(a.chain_priority(), b.chain_priority());
  ASSERT_EQ(a.entries.size(), b.entries.size());
  for (std::size_t i = 0; i < a.entries.size(); ++i) {
    SCOPED_TRACE(fmt::format("entry {}", i));
    ASSERT_EQ(a.entries[i].index(), b.entries[i].index());
    if (const auto* one = std::get_if<FilterRule>(&a.entries[i])) {
      expect_same(*one, std::get<FilterRule>(b.entries[i]));
    } else {
      EXPECT_EQ(std::get<FilterRef>(a.entries[i]).filter, std::get<FilterRef>(b.entries[i]).filter);
      EXPECT_EQ(std::get<FilterRef>(a.entries[i]).parameters, std::get<FilterRef>(b.entries[i]).parameters);
    }
  }
}

/// Writing, reading and writing again changes nothing.
void expect_round_trip(const Filter& given) {
  const std::string text = write_filter(given);
  const Filter again = read(text);
  expect_same(given, again);
  EXPECT_EQ(write_filter(again), text);
}

TEST(WriteFilter, LooksLikeLibvirtsDumpxml) {
  Filter made = filter("no-web",
                       {
                           rule(Action::Accept, Direction::InOut),
                           with_priority(without_statematch(rule(Action::Drop, Direction::Out, Protocol::Tcp,
                                                                 {{"dstportstart", "80"}, {"srcipaddr", "$IP"}})),
                                         -100),
                           negated(rule(Action::Return, Direction::In, Protocol::Mac, {{"srcmacaddr", "$MAC"}})),
                           rule(Action::Reject, Direction::In, Protocol::Icmpv6),
                           reference("clean-traffic"),
                           reference("allow", {{"PORT", {"80", "443"}}, {"A", {"1"}}}),
                       },
                       "ipv4-web");
  made.uuid = Uuid::parse(kUuid);
  made.priority = -650;
  EXPECT_EQ(write_filter(made),
            "<filter name='no-web' chain='ipv4-web' priority='-650'>\n"
            "  <uuid>6f145c54-e3de-9c33-544a-70b69c16af3b</uuid>\n"
            "  <rule action='accept' direction='inout' priority='500'/>\n"
            "  <rule action='drop' direction='out' priority='-100' statematch='false'>\n"
            "    <tcp srcipaddr='$IP' dstportstart='80'/>\n"
            "  </rule>\n"
            "  <rule action='return' direction='in' priority='500'>\n"
            "    <mac match='no' srcmacaddr='$MAC'/>\n"
            "  </rule>\n"
            "  <rule action='reject' direction='in' priority='500'>\n"
            "    <icmpv6/>\n"
            "  </rule>\n"
            "  <filterref filter='clean-traffic'/>\n"
            "  <filterref filter='allow'>\n"
            "    <parameter name='A' value='1'/>\n"
            "    <parameter name='PORT' value='80'/>\n"
            "    <parameter name='PORT' value='443'/>\n"
            "  </filterref>\n"
            "</filter>\n");
}

TEST(WriteFilter, AnEmptyFilterIsOne) {
  EXPECT_EQ(write_filter(filter("x", {})), "<filter name='x' chain='root'>\n</filter>\n");
}

TEST(WriteFilter, SaysThePriorityWhereItIsNotThatOfARootChain) {
  EXPECT_THAT(write_filter(filter("x", {})), Not(HasSubstr("priority")));
  EXPECT_THAT(write_filter(filter("x", {}, "arp")), HasSubstr("chain='arp' priority='-500'"));
  Filter made = filter("x", {});
  made.priority = 0;
  EXPECT_THAT(write_filter(made), HasSubstr("chain='root' priority='0'"));
}

TEST(WriteFilter, AttributesThatDoNotMatchAlikeStandInTwoElements) {
  FilterRule mixed =
      rule(Action::Drop, Direction::Out, Protocol::Tcp, {{"srcipaddr", "192.0.2.1"}, {"dstportstart", "25"}});
  mixed.attributes[0].negated = true;
  const Filter made = filter("x", {mixed});
  EXPECT_EQ(write_filter(made),
            "<filter name='x' chain='root'>\n"
            "  <rule action='drop' direction='out' priority='500'>\n"
            "    <tcp dstportstart='25'/>\n"
            "    <tcp match='no' srcipaddr='192.0.2.1'/>\n"
            "  </rule>\n"
            "</filter>\n");
  expect_round_trip(made);
}

TEST(WriteFilter, ValuesAreCanonical) {
  const Filter made = read(
      "<filter name='x' chain='root'><uuid>6F145C54E3DE9C33544A70B69C16AF3B</uuid><rule action='drop' direction='out'>"
      "<ipv6 srcmacaddr='1:2:3:A:B:C' srcipaddr='2001:DB8:0:0::1' srcipmask='ffff:ffff::' protocol='0x11'/>"
      "</rule></filter>");
  EXPECT_EQ(write_filter(made),
            "<filter name='x' chain='root'>\n"
            "  <uuid>6f145c54-e3de-9c33-544a-70b69c16af3b</uuid>\n"
            "  <rule action='drop' direction='out' priority='500'>\n"
            "    <ipv6 srcmacaddr='01:02:03:0a:0b:0c' srcipaddr='2001:db8::1' srcipmask='32' protocol='udp'/>\n"
            "  </rule>\n"
            "</filter>\n");
}

TEST(WriteFilter, TheSameModelGivesTheSameTextWhateverTheOrderItWasWrittenIn) {
  const std::string one = write_filter(
      read("<filter name='x'><uuid>6f145c54-e3de-9c33-544a-70b69c16af3b</uuid><rule action='drop' direction='in'>"
           "<tcp dstportend='9' dstportstart='1'/><tcp dscp='1'/></rule><filterref filter='a'>"
           "<parameter name='B' value='1'/><parameter name='A' value='2'/></filterref></filter>"));
  const std::string two =
      write_filter(read("<filter chain='root' name=\"x\">\n<rule direction='in' priority='500' action='drop'>"
                        "<tcp match='yes' dscp='1' dstportstart='1' dstportend='9'/></rule>\n<filterref filter='a'>"
                        "<parameter value='2' name='A'/><parameter name='B' value='1'/></filterref>"
                        "<uuid>6f145c54-e3de-9c33-544a-70b69c16af3b</uuid></filter>"));
  EXPECT_EQ(one, two);
}

// A name or comment must not end the attribute it stands in.
TEST(WriteFilter, EscapesWhatMeansSomethingInXml) {
  const std::string evil = "'/><rule action=\"accept\"> & <x y='";
  Filter made = filter(evil, {rule(Action::Drop, Direction::In, Protocol::Tcp, {{"comment", evil}}), reference(evil)});
  const std::string text = write_filter(made);
  EXPECT_THAT(text, Not(HasSubstr(evil)));
  EXPECT_THAT(text, Not(HasSubstr("accept\">")));
  EXPECT_EQ(std::count(text.begin(), text.end(), '<'), 6) << text;  // filter, rule, tcp, /rule, filterref, /filter
  EXPECT_EQ(std::count(text.begin(), text.end(), '>'), 6) << text;
}

TEST(WriteFilter, AnyTextOfACommentComesBack) {
  for (const std::string& comment :
       {std::string("plain"), std::string("'single' and \"double\""), std::string("a < b > c"), std::string("]]>"),
        std::string("two\nlines\tand\ra tab"), std::string("  blanks  "), std::string("Grüße, 世界 🙂"),
        std::string("$NAME"), std::string("<!-- -->"), std::string(""), std::string(256, '<')}) {
    SCOPED_TRACE(comment);
    expect_round_trip(filter("x", {rule(Action::Drop, Direction::In, Protocol::Tcp, {{"comment", comment}})}));
  }
}

TEST(WriteFilter, AnyNameComesBack) {
  for (const std::string& name :
       {std::string("it's"), std::string("a \"b\" <c>"), std::string("Grüße 世界"), std::string(250, '\'')}) {
    SCOPED_TRACE(name);
    expect_round_trip(filter(name, {reference(name)}));
  }
}

TEST(WriteFilter, EveryActionDirectionAndStatematchComesBack) {
  std::vector<FilterEntry> entries;
  for (const Action action : {Action::Accept, Action::Drop, Action::Reject, Action::Return, Action::Continue})
    for (const Direction direction : {Direction::In, Direction::Out, Direction::InOut})
      for (const int priority : {-1000, 0, 1000}) {
        entries.emplace_back(with_priority(rule(action, direction), priority));
        entries.emplace_back(without_statematch(rule(action, direction, Protocol::All)));
      }
  expect_round_trip(filter("x", entries));
}

TEST(WriteFilter, EveryChainComesBack) {
  for (const char* chain : {"root", "mac", "vlan-x", "stp", "ipv4", "ipv6_a.b:c", "arp", "rarp-1"})
    for (const int priority : {-1000, 0, 1000}) {
      Filter made = filter("x", {}, chain);
      expect_round_trip(made);
      made.priority = priority;
      expect_round_trip(made);
    }
}

std::vector<std::string> legal_values(ValueKind kind) {
  switch (kind) {
    case ValueKind::MacAddress:
      return {"52:54:00:ab:cd:ef", "1:2:3:4:5:6"};
    case ValueKind::MacMask:
      return {"ff:ff:ff:00:00:00"};
    case ValueKind::Ipv4Address:
      return {"192.0.2.1", "0.0.0.0"};
    case ValueKind::Ipv4Mask:
      return {"24", "255.255.0.0"};
    case ValueKind::Ipv6Address:
      return {"2001:db8::1", "::FFFF"};
    case ValueKind::Ipv6Mask:
      return {"64", "ffff::"};
    case ValueKind::Uint8:
    case ValueKind::Dscp:
      return {"7", "0x3f"};
    case ValueKind::Connections:
      return {"7", "65535"};
    case ValueKind::Uint16:
    case ValueKind::VlanId:
      return {"4095", "0xabc"};
    case ValueKind::Uint32:
      return {"4294967295", "0x12345678"};
    case ValueKind::EtherType:
    case ValueKind::VlanEncap:
      return {"arp", "0x86dd", "65535"};
    case ValueKind::ArpOpcode:
      return {"Request", "arp_nak", "0"};
    case ValueKind::IpProtocol:
      return {"tcp", "17", "0x84"};
    case ValueKind::Boolean:
      return {"true", "0"};
    case ValueKind::TcpFlags:
      return {"SYN,ACK/SYN", "ALL/NONE"};
    case ValueKind::ConnState:
      return {"NEW,ESTABLISHED", "NONE"};
    case ValueKind::IpsetName:
      return {"my set-1"};
    case ValueKind::IpsetFlags:
      return {"src,dst"};
    case ValueKind::Comment:
      return {"a <comment> 'with' \"quotes\""};
  }
  return {};
}

Attribute attribute(const FieldRow& row, std::string_view text) {
  auto operand = parse_operand(row.kind, text, row.variables);
  if (!operand) throw std::logic_error(describe(operand.error()));
  return {row.field, false, *std::move(operand), {}};
}

/// Puts the attribute in its place; one that is there stays.
void add(FilterRule& rule, Attribute attribute) {
  if (rule.find(attribute.field) != nullptr) return;
  rule.attributes.push_back(std::move(attribute));
  std::sort(rule.attributes.begin(), rule.attributes.end(),
            [](const Attribute& a, const Attribute& b) { return a.field < b.field; });
}

/// What an attribute cannot do without.
void add_companions(FilterRule& rule, const FieldRow& row) {
  if (row.role != Role::Value) add(rule, attribute(row_of(row.base), legal_values(row_of(row.base).kind).front()));
  const bool ethernet_ip = rule.protocol == Protocol::Ip || rule.protocol == Protocol::Ipv6;
  const auto is_one_of = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), row.name) != names.end();
  };
  if (ethernet_ip && is_one_of({"srcportstart", "srcportend", "dstportstart", "dstportend"}))
    add(rule, attribute(row_of(Field::IpProtocol), "tcp"));
  if (ethernet_ip && is_one_of({"type", "typeend", "code", "codeend"}))
    add(rule, attribute(row_of(Field::IpProtocol), "icmpv6"));
}

/// One rule for each attribute of each protocol and each value, matching and not.
Filter every_attribute_alone() {
  std::vector<FilterEntry> entries;
  for (int i = 1; i < kProtocolCount; ++i)
    for (const FieldRow& row : field_rows()) {
      if ((row.protocols & bit(static_cast<Protocol>(i))) == 0) continue;
      std::vector<std::string> values = legal_values(row.kind);
      if (row.variables) values.insert(values.end(), {"$A", "$A[2]", "$A[@1]"});
      for (const std::string& value : values) {
        FilterRule made = rule(Action::Accept, Direction::Out, static_cast<Protocol>(i));
        add(made, attribute(row, value));
        add_companions(made, row);
        entries.emplace_back(made);
        entries.emplace_back(negated(made));
        for (Attribute& each : made.attributes) each.negated = each.field == row.field;
        entries.emplace_back(made);
      }
    }
  return filter("every attribute", entries);
}

/// One rule for each protocol with all its attributes.
Filter every_attribute_together(bool variables) {
  std::vector<FilterEntry> entries;
  for (int i = 0; i < kProtocolCount; ++i) {
    FilterRule made = rule(Action::Drop, Direction::InOut, static_cast<Protocol>(i));
    for (const FieldRow& row : field_rows()) {
      if ((row.protocols & bit(static_cast<Protocol>(i))) == 0) continue;
      // no one protocol has both ports and ICMP types
      const bool variable = row.variables && row.kind != ValueKind::Comment;
      add(made, attribute(row, variable && (variables || row.field == Field::IpProtocol)
                                   ? fmt::format("$V{}[@{}]", static_cast<int>(row.field), i)
                                   : legal_values(row.kind).front()));
    }
    entries.emplace_back(made);
    entries.emplace_back(negated(made));
    for (std::size_t at = 0; at < made.attributes.size(); at += 2) made.attributes[at].negated = true;
    entries.emplace_back(made);
  }
  return filter("all attributes", entries);
}

TEST(WriteFilter, EveryAttributeOfEveryProtocolComesBack) {
  const Filter made = every_attribute_alone();
  ASSERT_GT(made.entries.size(), 1'000U);
  expect_round_trip(made);
}

TEST(WriteFilter, AllAttributesOfAProtocolTogetherComeBack) {
  for (const bool variables : {false, true}) expect_round_trip(every_attribute_together(variables));
}

std::vector<std::filesystem::path> stock() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(NWF_STOCK_DIR))
    if (entry.path().extension() == ".xml") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

TEST(WriteFilter, EveryStockFilterComesBack) {
  ASSERT_FALSE(stock().empty());
  for (const auto& path : stock()) {
    SCOPED_TRACE(path.string());
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const Filter filter = read(text);
    EXPECT_EQ(filter.name, path.stem());
    expect_round_trip(filter);
  }
}

// Written by hand here, so that reading and writing cannot be wrong in the same way.
TEST(WriteFilter, WhatIsWrittenCanonicallyComesBackByteForByte) {
  const std::string text =
      "<filter name='all kinds' chain='ipv4-x' priority='-1'>\n"
      "  <uuid>6f145c54-e3de-9c33-544a-70b69c16af3b</uuid>\n"
      "  <rule action='accept' direction='out' priority='-1000'>\n"
      "    <mac srcmacaddr='$MAC' srcmacmask='ff:ff:ff:ff:ff:ff' dstmacaddr='01:00:5e:00:00:00' "
      "dstmacmask='ff:ff:ff:80:00:00' protocolid='ipv4' comment='it&apos;s'/>\n"
      "  </rule>\n"
      "  <rule action='drop' direction='in' priority='0'>\n"
      "    <vlan vlanid='42' encap-protocol='arp'/>\n"
      "  </rule>\n"
      "  <rule action='drop' direction='inout' priority='1'>\n"
      "    <stp type='0x12' flags='1' root-priority='1' root-priority-hi='2' root-address='06:05:04:03:02:01' "
      "root-address-mask='ff:ff:ff:ff:ff:ff' root-cost='3' root-cost-hi='4' sender-priority='5' sender-priority-hi='6' "
      "sender-address='06:05:04:03:02:01' sender-address-mask='ff:ff:ff:ff:ff:ff' port='7' port-hi='8' age='9' "
      "age-hi='10' max-age='11' max-age-hi='12' hello-time='13' hello-time-hi='14' forward-delay='15' "
      "forward-delay-hi='16'/>\n"
      "  </rule>\n"
      "  <rule action='return' direction='out' priority='500'>\n"
      "    <arp hwtype='1' protocoltype='0x800' opcode='Reply' arpsrcmacaddr='$MAC' arpdstmacaddr='0a:0b:0c:0d:0e:0f' "
      "arpsrcipaddr='$IP' arpsrcipmask='32' arpdstipaddr='10.0.0.0' arpdstipmask='8' gratuitous='true'/>\n"
      "  </rule>\n"
      "  <filterref filter='other'>\n"
      "    <parameter name='IP' value='2001:db8::1'/>\n"
      "  </filterref>\n"
      "  <rule action='continue' direction='in' priority='1000' statematch='false'>\n"
      "    <tcp dstportstart='$PORT[@1]' dstportend='65535' flags='SYN,ACK/SYN' connlimit-above='3' "
      "state='NEW,ESTABLISHED' ipset='s' ipsetflags='src,dst'/>\n"
      "    <tcp match='no' srcipfrom='10.0.0.1' srcipto='10.0.0.9' dscp='0x1'/>\n"
      "  </rule>\n"
      "  <rule action='reject' direction='out' priority='500'>\n"
      "    <ipv6 dstipaddr='ff02::' dstipmask='16' protocol='icmpv6' type='133' typeend='137' code='0' codeend='1'/>\n"
      "  </rule>\n"
      "</filter>\n";
  EXPECT_EQ(write_filter(read(text)), text);
}

Binding binding(Owner owner, Variables variables = {}) {
  return {std::move(owner), *PortName::parse("vnet0"), *Mac::parse("52:54:0:56:44:32"),
          "clean-traffic",  std::move(variables),      {}};
}

void expect_round_trip(const Binding& given) {
  const std::string text = write_binding(given);
  const Binding again = read_binding_text(text);
  EXPECT_EQ(again.owner.name, given.owner.name);
  EXPECT_EQ(again.owner.uuid, given.owner.uuid);
  EXPECT_EQ(again.port, given.port);
  EXPECT_EQ(again.mac, given.mac);
  EXPECT_EQ(again.filter, given.filter);
  EXPECT_EQ(again.variables, given.variables);
  EXPECT_EQ(write_binding(again), text);
}

TEST(WriteBinding, LooksLikeLibvirtsDumpxml) {
  EXPECT_EQ(write_binding(binding({"guest", Uuid::parse(kUuid)}, {{"IP", {"192.0.2.2", "192.0.2.1"}}, {"A", {"1"}}})),
            "<filterbinding>\n"
            "  <owner>\n"
            "    <name>guest</name>\n"
            "    <uuid>6f145c54-e3de-9c33-544a-70b69c16af3b</uuid>\n"
            "  </owner>\n"
            "  <portdev name='vnet0'/>\n"
            "  <mac address='52:54:00:56:44:32'/>\n"
            "  <filterref filter='clean-traffic'>\n"
            "    <parameter name='A' value='1'/>\n"
            "    <parameter name='IP' value='192.0.2.2'/>\n"
            "    <parameter name='IP' value='192.0.2.1'/>\n"
            "  </filterref>\n"
            "</filterbinding>\n");
}

TEST(WriteBinding, SaysNothingOfWhatThereIsNot) {
  EXPECT_EQ(write_binding(binding({})),
            "<filterbinding>\n"
            "  <portdev name='vnet0'/>\n"
            "  <mac address='52:54:00:56:44:32'/>\n"
            "  <filterref filter='clean-traffic'/>\n"
            "</filterbinding>\n");
}

TEST(WriteBinding, ComesBack) {
  for (const std::string& name : {std::string(), std::string("guest"), std::string("</name> & 'x' \"y\" ]]>"),
                                  std::string("two\nlines"), std::string("Gast Ä")})
    for (const bool uuid : {false, true}) {
      SCOPED_TRACE(name);
      expect_round_trip(binding({name, uuid ? Uuid::parse(kUuid) : std::nullopt}));
    }
  expect_round_trip(binding({}, {{"IP", {"192.0.2.1", "192.0.2.2"}},
                                 {"IPV6", {"2001:db8::1"}},
                                 {"odd", {"a b", "_.:+-"}},
                                 {"CTRL_IP_LEARNING", {"dhcp"}}}));
  Binding odd = binding({});
  odd.filter = "it's <odd> & &amp;";
  odd.link = PortName::parse("eth0");
  odd.port = *PortName::parse("a'b<c");
  expect_round_trip(odd);
}

}  // namespace
}  // namespace nwf::xml
