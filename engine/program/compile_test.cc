// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/model/rule_for_tests.h"
#include "engine/program/packet_field.h"

namespace nwf {
namespace {

using for_tests::filter;
using for_tests::Filters;
using for_tests::negated;
using for_tests::reference;
using for_tests::rule;
using for_tests::with_priority;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using ProgramTest = nwf::Test;  // inside TEST(), Test is GoogleTest's own

constexpr std::size_t kEtherOut = flow_index(Layer::Ethernet, Direction::Out);
constexpr std::size_t kEtherIn = flow_index(Layer::Ethernet, Direction::In);
constexpr std::size_t kInetOut = flow_index(Layer::Inet, Direction::Out);
constexpr std::size_t kInetIn = flow_index(Layer::Inet, Direction::In);

Result<Program> compiled(const Filters& filters, const Variables& variables = {}) {
  return compile(filters.at("top"), filters, variables);
}

Result<Program> compiled(std::vector<FilterEntry> entries, const Variables& variables = {},
                         const std::string& chain = "root") {
  return compiled(Filters{filter("top", std::move(entries), chain)}, variables);
}

bool equal(const ProgramEntry& a, const ProgramEntry& b) {
  if (a.what.index() != b.what.index()) return false;
  const auto* rule = std::get_if<ProgramRule>(&a.what);
  if (rule == nullptr) return std::get<std::size_t>(a.what) == std::get<std::size_t>(b.what);
  const auto& other = std::get<ProgramRule>(b.what);
  return rule->tests == other.tests && rule->action == other.action && rule->origin == other.origin;
}

bool equal(const Flow& a, const Flow& b) {
  return std::equal(a.chains.begin(), a.chains.end(), b.chains.begin(), b.chains.end(),
                    [](const ProgramChain& x, const ProgramChain& y) {
                      return x.name == y.name && x.guard == y.guard &&
                             std::equal(x.entries.begin(), x.entries.end(), y.entries.begin(), y.entries.end(),
                                        [](const ProgramEntry& p, const ProgramEntry& q) { return equal(p, q); });
                    });
}

bool equal(const Program& a, const Program& b) {
  return a.name == b.name && a.filter == b.filter && a.filters == b.filters && a.sets == b.sets &&
         std::equal(a.flows.begin(), a.flows.end(), b.flows.begin(),
                    [](const Flow& x, const Flow& y) { return equal(x, y); });
}

const ProgramRule& rule_at(const Program& program, std::size_t flow, std::size_t chain, std::size_t entry) {
  return std::get<ProgramRule>(program.flows.at(flow).chains.at(chain).entries.at(entry).what);
}

// What a chain holds: a rule's origin, or `>chain` for a jump.
std::vector<std::string> entries_of(const Flow& flow, std::size_t chain) {
  std::vector<std::string> all;
  for (const ProgramEntry& entry : flow.chains.at(chain).entries) {
    if (const auto* target = std::get_if<std::size_t>(&entry.what))
      all.push_back(">" + flow.chains.at(*target).name);
    else
      all.push_back(std::get<ProgramRule>(entry.what).origin);
  }
  return all;
}

std::vector<std::string> chains_of(const Flow& flow) {
  std::vector<std::string> all;
  for (const ProgramChain& chain : flow.chains) all.push_back(chain.name);
  return all;
}

std::vector<bool> used_flows(const Program& program) {
  std::vector<bool> all;
  for (const Flow& flow : program.flows) all.push_back(!flow.empty());
  return all;
}

TEST(Compile, AFlowWithoutRulesJudgesNothing) {
  struct Case {
    std::string name;
    std::vector<FilterEntry> entries;
    std::vector<bool> flows;  ///< ethernet out, ethernet in, inet out, inet in
  };
  const std::vector<Case> cases = {
      {"no rules", {}, {false, false, false, false}},
      {"ethernet out", {rule(Action::Drop, Direction::Out, Protocol::Mac)}, {true, false, false, false}},
      {"ethernet in", {rule(Action::Drop, Direction::In, Protocol::Arp)}, {false, true, false, false}},
      {"no protocol", {rule(Action::Drop, Direction::InOut)}, {true, true, false, false}},
      {"inet accept has replies", {rule(Action::Accept, Direction::Out, Protocol::Tcp)}, {false, false, true, true}},
      {"inet accept of a state has none",
       {rule(Action::Accept, Direction::Out, Protocol::Tcp, {{"state", "NEW"}})},
       {false, false, true, false}},
      {"both layers",
       {rule(Action::Drop, Direction::In, Protocol::Ip), rule(Action::Drop, Direction::InOut, Protocol::AllIpv6)},
       {false, true, true, true}},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.name);
    const auto program = compiled(given.entries);
    ASSERT_TRUE(program) << describe(program.error());
    EXPECT_EQ(used_flows(*program), given.flows);
  }
}

TEST(Compile, AProgramSaysWhatItIsMadeOf) {
  const Filters filters = {filter("top", {reference("b"), reference("a")}), filter("a", {}),
                           filter("b", {rule(Action::Drop, Direction::Out, Protocol::Mac)})};
  const auto program = compiled(filters);
  ASSERT_TRUE(program);
  EXPECT_EQ(program->name, "top");
  EXPECT_EQ(program->filter, "top");
  EXPECT_THAT(program->filters, ElementsAre("a", "b", "top"));
  const ProgramRule& only = rule_at(*program, kEtherOut, 0, 0);
  EXPECT_EQ(only.origin, "b rule 1 line 2");
  EXPECT_EQ(only.source, (Source{std::string(for_tests::kFile), 2, 1}));
  EXPECT_EQ(only.action, Action::Drop);
}

TEST(Compile, ChainsAreJumpedToByPriorityAndGuardedByTheirProtocol) {
  const FilterRule any = rule(Action::Accept, Direction::InOut, Protocol::Mac);
  const Filters filters = {
      filter("top", {with_priority(any, -900), any, reference("web"), reference("arp"), reference("mac")}),
      filter("web", {any, any}, "ipv4-web"), filter("arp", {any}, "arp"), filter("mac", {any}, "mac-x")};
  const auto program = compiled(filters);
  ASSERT_TRUE(program) << describe(program.error());
  for (const std::size_t index : {kEtherOut, kEtherIn}) {
    const Flow& flow = program->flows[index];
    EXPECT_THAT(chains_of(flow), ElementsAre("root", "mac-x", "ipv4-web", "arp"));
    EXPECT_THAT(entries_of(flow, 0),
                ElementsAre("top rule 1 line 2", ">mac-x", ">ipv4-web", ">arp", "top rule 2 line 3"));
    EXPECT_THAT(entries_of(flow, 2), ElementsAre("web rule 1 line 2", "web rule 2 line 3"));
    EXPECT_FALSE(flow.chains[0].guard);
    EXPECT_FALSE(flow.chains[1].guard) << "every frame has a MAC";
    EXPECT_EQ(flow.chains[2].guard, protocol_guard(Protocol::Ip));
    EXPECT_EQ(flow.chains[3].guard, protocol_guard(Protocol::Arp));
  }
}

TEST(Compile, EveryChainsProtocolGuardsIt) {
  const std::vector<std::pair<std::string, Protocol>> chains = {{"stp", Protocol::Stp}, {"vlan", Protocol::Vlan},
                                                                {"arp", Protocol::Arp}, {"rarp", Protocol::Rarp},
                                                                {"ipv4", Protocol::Ip}, {"ipv6", Protocol::Ipv6}};
  for (const auto& [chain, protocol] : chains) {
    SCOPED_TRACE(chain);
    const auto program = compiled({rule(Action::Drop, Direction::Out, Protocol::Mac)}, {}, chain);
    ASSERT_TRUE(program);
    ASSERT_EQ(program->flows[kEtherOut].chains.size(), 2U);
    EXPECT_EQ(program->flows[kEtherOut].chains[1].guard, protocol_guard(protocol));
  }
}

TEST(Compile, InetRulesStandInOneListForEachFamily) {
  const Filters filters = {
      filter("top", {with_priority(rule(Action::Drop, Direction::Out, Protocol::Udp), 600),
                     rule(Action::Drop, Direction::Out, Protocol::Tcp),
                     rule(Action::Drop, Direction::Out, Protocol::TcpIpv6), reference("arp")}),
      // chains do not matter to them
      filter("arp", {with_priority(rule(Action::Drop, Direction::Out, Protocol::All), 100)}, "arp")};
  const auto program = compiled(filters);
  ASSERT_TRUE(program);
  EXPECT_TRUE(program->flows[kEtherOut].empty());
  const Flow& flow = program->flows[kInetOut];
  EXPECT_THAT(chains_of(flow), ElementsAre("root", "ip4", "ip6"));
  EXPECT_THAT(entries_of(flow, 0), ElementsAre(">ip4", ">ip6"));
  EXPECT_THAT(entries_of(flow, 1), ElementsAre("top rule 2 line 3", "top rule 1 line 2", "arp rule 1 line 2"));
  EXPECT_THAT(entries_of(flow, 2), ElementsAre("top rule 3 line 4"));
  EXPECT_EQ(flow.chains[1].guard, protocol_guard(Protocol::Ip));
  EXPECT_EQ(flow.chains[2].guard, protocol_guard(Protocol::Ipv6));
}

TEST(Compile, AFamilyWithoutRulesHasNoList) {
  const auto program = compiled({rule(Action::Drop, Direction::Out, Protocol::UdpIpv6)});
  ASSERT_TRUE(program);
  EXPECT_THAT(chains_of(program->flows[kInetOut]), ElementsAre("root", "ip6"));
}

// An inout rule is written as packets to the guest look.
TEST(Compile, AnInoutEthernetRuleIsMirroredForPacketsFromTheGuest) {
  const auto program =
      compiled({rule(Action::Drop, Direction::InOut, Protocol::Mac, {{"srcmacaddr", "52:54:00:00:00:01"}})});
  ASSERT_TRUE(program);
  const Bytes address = {0x52, 0x54, 0, 0, 0, 1};
  EXPECT_THAT(rule_at(*program, kEtherIn, 0, 0).tests,
              ElementsAre(ProgramTest{test::Compare{packet_field(Field::SrcMac, Protocol::Mac), address, false}}));
  EXPECT_THAT(rule_at(*program, kEtherOut, 0, 0).tests,
              ElementsAre(ProgramTest{test::Compare{packet_field(Field::DstMac, Protocol::Mac), address, false}}));
}

TEST(Compile, AnEthernetRuleOfOneDirectionIsAsWritten) {
  for (const Direction direction : {Direction::Out, Direction::In}) {
    const auto program = compiled({rule(Action::Drop, direction, Protocol::Mac, {{"srcmacaddr", "2:0:0:0:0:1"}})});
    ASSERT_TRUE(program);
    EXPECT_THAT(
        rule_at(*program, flow_index(Layer::Ethernet, direction), 0, 0).tests,
        ElementsAre(ProgramTest{test::Compare{packet_field(Field::SrcMac, Protocol::Mac), {2, 0, 0, 0, 0, 1}, false}}));
  }
}

TEST(Compile, AnInetRuleTestsItsConnectionAndItsLimit) {
  const auto program =
      compiled({rule(Action::Accept, Direction::Out, Protocol::All, {{"dstipaddr", "192.0.2.1"}}),
                rule(Action::Drop, Direction::In, Protocol::All, {{"connlimit-above", "3"}, {"state", "NEW"}})});
  ASSERT_TRUE(program);
  const auto address = [](Field field) {
    return ProgramTest{test::Compare{packet_field(field, Protocol::All), {192, 0, 2, 1}, false}};
  };
  EXPECT_THAT(rule_at(*program, kInetOut, 1, 0).tests,
              ElementsAre(address(Field::DstIp4),
                          ProgramTest{test::Connection{kConnNew | kConnEstablished, ConnDirection::Original}}));
  EXPECT_THAT(
      rule_at(*program, kInetIn, 1, 0).tests,
      ElementsAre(address(Field::SrcIp4), ProgramTest{test::Connection{kConnEstablished, ConnDirection::Reply}}));
  EXPECT_THAT(rule_at(*program, kInetIn, 1, 1).tests,
              ElementsAre(ProgramTest{test::Connection{kConnNew, ConnDirection::Any}},
                          ProgramTest{test::ConnectionLimit{3, false}}));
  EXPECT_EQ(program->flows[kInetOut].chains[1].entries.size(), 1U);
}

TEST(Compile, AReplyRuleOfNothingButItsSenderIsLeftOut) {
  const auto program = compiled({rule(Action::Accept, Direction::Out, Protocol::All, {{"srcmacaddr", "$MAC"}})},
                                {{"MAC", {"2:0:0:0:0:1"}}});
  ASSERT_TRUE(program);
  EXPECT_FALSE(program->flows[kInetOut].empty());
  EXPECT_TRUE(program->flows[kInetIn].empty());
}

TEST(Compile, AlternativesAreRulesOneAfterTheOtherWithOneOrigin) {
  const auto program =
      compiled({rule(Action::Accept, Direction::In, Protocol::Mac),
                rule(Action::Drop, Direction::In, Protocol::Ip, {{"srcipaddr", "1.2.3.4"}, {"srcipmask", "$M"}}),
                rule(Action::Accept, Direction::In, Protocol::Mac)},
               {{"M", {"8", "16"}}});
  ASSERT_TRUE(program);
  EXPECT_THAT(entries_of(program->flows[kEtherIn], 0),
              ElementsAre("top rule 1 line 2", "top rule 2 line 3", "top rule 2 line 3", "top rule 3 line 4"));
  EXPECT_EQ(rule_at(*program, kEtherIn, 0, 1).action, Action::Drop);
  EXPECT_EQ(rule_at(*program, kEtherIn, 0, 2).action, Action::Drop);
}

TEST(Compile, WhatCannotBeIsRefused) {
  struct Case {
    std::string name;
    std::vector<FilterEntry> entries;
    ErrorKind kind;
    std::string says;
  };
  const std::vector<Case> cases = {
      {"missing filter", {reference("gone")}, ErrorKind::NotFound, "gone"},
      {"circle", {reference("top")}, ErrorKind::Refused, "top -> top"},
      {"missing variable in the ethernet layer",
       {rule(Action::Drop, Direction::In, Protocol::Ip, {{"srcipaddr", "$X"}})},
       ErrorKind::Invalid,
       "$X"},
      {"missing variable in the inet layer",
       {rule(Action::Drop, Direction::In, Protocol::Tcp, {{"srcipaddr", "$X"}})},
       ErrorKind::Invalid,
       "$X"},
      {"ipset", {rule(Action::Drop, Direction::In, Protocol::All, {{"ipset", "s"}})}, ErrorKind::Invalid, "'s'"},
      {"limit that is no number",
       {rule(Action::Drop, Direction::In, Protocol::All, {{"connlimit-above", "$X"}})},
       ErrorKind::Invalid,
       "$X"},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.name);
    const auto program = compiled(given.entries, {{"N", {"1"}}});
    ASSERT_FALSE(program);
    EXPECT_EQ(program.error().kind, given.kind);
    EXPECT_THAT(program.error().message, HasSubstr(given.says));
    EXPECT_EQ(program.error().where.line, 2);
  }
}

// Sharing.

struct Sharing {
  std::string name;
  std::vector<FilterEntry> entries;
  Variables one;
  Variables other;
  bool shared;
};

const std::vector<Sharing>& sharing() {
  const auto in = [](Protocol protocol, for_tests::Attributes attributes) {
    return rule(Action::Drop, Direction::InOut, protocol, attributes);
  };
  static const std::vector<Sharing> cases = {
      {"no variables", {in(Protocol::Ip, {})}, {{"A", {"1"}}}, {}, true},
      {"other values",
       {in(Protocol::Ip, {{"srcipaddr", "$IP"}}), in(Protocol::Tcp, {{"dstportstart", "$P"}})},
       {{"IP", {"192.0.2.1"}}, {"P", {"80"}}},
       {{"IP", {"192.0.2.2"}}, {"P", {"443"}}},
       true},
      {"more values",
       {in(Protocol::Ip, {{"srcipaddr", "$IP"}})},
       {{"IP", {"192.0.2.1"}}},
       {{"IP", {"192.0.2.1", "192.0.2.2"}}},
       true},
      {"longer lists in step",
       {in(Protocol::Tcp, {{"srcipaddr", "$A"}, {"dstportstart", "$P"}})},
       {{"A", {"192.0.2.1"}}, {"P", {"80"}}},
       {{"A", {"192.0.2.1", "192.0.2.2"}}, {"P", {"80", "443"}}},
       true},
      {"other MAC",
       {negated(in(Protocol::Mac, {{"srcmacaddr", "$MAC"}}))},
       {{"MAC", {"2:0:0:0:0:1"}}},
       {{"MAC", {"2:0:0:0:0:2"}}},
       true},
      {"not another single value",
       {negated(in(Protocol::Ip, {{"srcipaddr", "$IP"}}))},
       {{"IP", {"192.0.2.1"}}},
       {{"IP", {"192.0.2.2"}}},
       true},
      {"not one value, not many",
       {negated(in(Protocol::Ip, {{"srcipaddr", "$IP"}}))},
       {{"IP", {"192.0.2.1"}}},
       {{"IP", {"192.0.2.1", "192.0.2.2"}}},
       false},
      // What a list under match='no' means depends on whether its values differ as packets show them, so such
      // programs are shared by equal lists only.
      {"not many, others",
       {negated(in(Protocol::Ip, {{"srcipaddr", "$IP"}}))},
       {{"IP", {"192.0.2.1", "192.0.2.3"}}},
       {{"IP", {"192.0.2.1", "192.0.2.2", "192.0.2.9"}}},
       false},
      {"not many, one address written in two ways",
       {negated(in(Protocol::Mac, {{"srcmacaddr", "$A"}}))},
       {{"A", {"2:0:0:0:0:1", "2:0:0:0:0:2"}}},
       {{"A", {"02:00:00:00:00:0A", "2:0:0:0:0:a"}}},
       false},
      {"another mask",
       {in(Protocol::Ip, {{"srcipaddr", "$IP"}, {"srcipmask", "$M"}})},
       {{"IP", {"192.0.2.1"}}, {"M", {"24"}}},
       {{"IP", {"192.0.2.1"}}, {"M", {"25"}}},
       false},
      {"the same mask, unused variables aside",
       {in(Protocol::Ip, {{"srcipaddr", "192.0.2.1"}, {"srcipmask", "$M"}})},
       {{"IP", {"192.0.2.1"}}, {"M", {"24"}}},
       {{"IP", {"192.0.2.2"}}, {"M", {"24"}}},
       true},
      {"another range's end",
       {in(Protocol::Udp, {{"dstportstart", "1"}, {"dstportend", "$P"}})},
       {{"P", {"9"}}},
       {{"P", {"8"}}},
       false},
  };
  return cases;
}

TEST(Sharing, PortsWhoseVariablesFitTheShapeHaveOneProgram) {
  for (const Sharing& given : sharing()) {
    SCOPED_TRACE(given.name);
    const auto one = compiled(given.entries, given.one);
    const auto other = compiled(given.entries, given.other);
    ASSERT_TRUE(one) << describe(one.error());
    ASSERT_TRUE(other) << describe(other.error());
    EXPECT_TRUE(one->shape.holds(given.one)) << "it was made for them";
    EXPECT_TRUE(other->shape.holds(given.other));
    EXPECT_EQ(one->shape.holds(given.other), given.shared);
    EXPECT_EQ(other->shape.holds(given.one), given.shared);
    EXPECT_EQ(equal(*one, *other), given.shared);
    EXPECT_EQ(one->name == other->name, given.shared);
  }
}

TEST(Sharing, AReferencesParameterHoldsUntilABindingGivesItsOwn) {
  const Filters filters = {
      filter("top", {reference("leaf", {{"IP", {"192.0.2.9"}}})}),
      filter("leaf", {rule(Action::Drop, Direction::In, Protocol::Ip, {{"srcipaddr", "$IP"}})}),
  };
  const auto plain = compiled(filters);
  const auto own = compiled(filters, {{"IP", {"192.0.2.1"}}});
  ASSERT_TRUE(plain);
  ASSERT_TRUE(own);
  EXPECT_THAT(plain->sets, IsEmpty());
  EXPECT_THAT(own->sets, testing::SizeIs(1));
  EXPECT_EQ(plain->name, "top");
  EXPECT_NE(own->name, "top");
  EXPECT_FALSE(plain->shape.holds({{"IP", {"192.0.2.9"}}}));
  EXPECT_FALSE(own->shape.holds({}));
  EXPECT_TRUE(own->shape.holds({{"IP", {"198.51.100.1", "198.51.100.2"}}}));
}

TEST(Sharing, AProgramOfAnotherShapeIsNamedAfterIt) {
  const std::vector<FilterEntry> entries = {
      rule(Action::Drop, Direction::In, Protocol::Ip, {{"srcipaddr", "192.0.2.1"}, {"srcipmask", "$M"}})};
  const auto program = compiled(entries, {{"M", {"24"}}});
  ASSERT_TRUE(program);
  EXPECT_EQ(program->name, "top." + program->shape.suffix());
  EXPECT_EQ(program->filter, "top");
  ASSERT_FALSE(program->shape.facts.empty());
  EXPECT_THAT(program->shape.facts[0].reason, HasSubstr("top rule 1 line 2"));
}

TEST(Sharing, ASetIsThereOnceHoweverManyRulesLookItUp) {
  const auto program = compiled({rule(Action::Accept, Direction::InOut, Protocol::Ip, {{"srcipaddr", "$IP"}}),
                                 rule(Action::Accept, Direction::InOut, Protocol::Tcp, {{"dstipaddr", "$IP"}}),
                                 rule(Action::Accept, Direction::In, Protocol::Arp, {{"arpsrcipaddr", "$IP"}}),
                                 rule(Action::Accept, Direction::In, Protocol::Mac, {{"srcmacaddr", "$MAC"}})},
                                {{"IP", {"192.0.2.1"}}, {"MAC", {"2:0:0:0:0:1"}}});
  ASSERT_TRUE(program);
  EXPECT_EQ(program->sets.size(), 2U) << "addresses of $IP, and of $MAC";
  EXPECT_TRUE(std::is_sorted(program->sets.begin(), program->sets.end()));
}

// Elements.

PortName port(std::string_view name) { return *PortName::parse(name); }

ValueColumn column(const std::string& text, ValueKind kind, KeyType type, Bytes mask = {}) {
  const auto operand = parse_operand(kind, text, true);
  return {std::get<VariableRef>(operand.value()), kind, {type, value_width(kind)}, std::move(mask)};
}

const ValueColumn kIp = column("$IP", ValueKind::Ipv4Address, KeyType::Ipv4Addr);

// The port's name padded to 16 bytes, then the rest.
Bytes key(const std::string& name, const Bytes& rest) {
  Bytes bytes(name.begin(), name.end());
  bytes.resize(16);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

std::vector<Bytes> keys(const Result<std::vector<Element>>& elements) {
  std::vector<Bytes> all;
  if (elements)
    for (const Element& element : *elements) all.push_back(element.key);
  return all;
}

TEST(ElementsOf, AnElementForEachValue) {
  const auto elements = elements_of({{kIp}}, port("vnet0"), {{"IP", {"192.0.2.2", "192.0.2.1"}}});
  EXPECT_THAT(keys(elements),
              testing::UnorderedElementsAre(key("vnet0", {192, 0, 2, 1}), key("vnet0", {192, 0, 2, 2})));
  ASSERT_TRUE(elements);
  for (const Element& element : *elements) EXPECT_FALSE(element.verdict);
}

TEST(ElementsOf, EachPartIsPaddedToFourBytes) {
  const ValueSet set{{column("$MAC", ValueKind::MacAddress, KeyType::EtherAddr),
                      column("$P", ValueKind::Uint16, KeyType::InetService),
                      column("$N", ValueKind::IpProtocol, KeyType::InetProto)}};
  const auto elements = elements_of(set, port("a"), {{"MAC", {"2:1:1:1:1:3"}}, {"P", {"443"}}, {"N", {"udp"}}});
  EXPECT_THAT(keys(elements), ElementsAre(key("a", {2, 1, 1, 1, 1, 3, 0, 0, 1, 187, 0, 0, 17, 0, 0, 0})));
  EXPECT_EQ(elements->at(0).key.size(), key_length(set.set().key));
}

TEST(ElementsOf, EqualValuesAreThereOnce) {
  EXPECT_THAT(keys(elements_of({{column("$M", ValueKind::MacAddress, KeyType::EtherAddr)}}, port("a"),
                               {{"M", {"02:00:00:00:00:0a", "2:0:0:0:0:A", "02:00:00:00:00:0a"}}})),
              ElementsAre(key("a", {2, 0, 0, 0, 0, 10, 0, 0})));
}

TEST(ElementsOf, ColumnsOfOneIteratorStepTogether) {
  const ValueSet set{{kIp, column("$P", ValueKind::Uint16, KeyType::InetService)}};
  EXPECT_THAT(
      keys(elements_of(set, port("a"), {{"IP", {"10.0.0.1", "10.0.0.2"}}, {"P", {"80", "443"}}})),
      testing::UnorderedElementsAre(key("a", {10, 0, 0, 1, 0, 80, 0, 0}), key("a", {10, 0, 0, 2, 1, 187, 0, 0})));
}

TEST(ElementsOf, ASubscriptIsOneElement) {
  const ValueSet set{{column("$IP[1]", ValueKind::Ipv4Address, KeyType::Ipv4Addr)}};
  EXPECT_THAT(keys(elements_of(set, port("a"), {{"IP", {"10.0.0.1", "10.0.0.2", "10.0.0.3"}}})),
              ElementsAre(key("a", {10, 0, 0, 2})));
}

TEST(ElementsOf, AMaskIsAppliedAsToThePacket) {
  const ValueSet set{{column("$IP", ValueKind::Ipv4Address, KeyType::Ipv4Addr, {255, 255, 255, 0})}};
  EXPECT_THAT(keys(elements_of(set, port("a"), {{"IP", {"10.0.0.1", "10.0.0.2", "10.0.1.2"}}})),
              testing::UnorderedElementsAre(key("a", {10, 0, 0, 0}), key("a", {10, 0, 1, 0})));
}

TEST(Compile, TheSameValuesOnAnotherIteratorAreTheSameSet) {
  const auto program = compiled({rule(Action::Drop, Direction::In, Protocol::Ip, {{"srcipaddr", "$IP"}}),
                                 rule(Action::Drop, Direction::In, Protocol::Ip, {{"srcipaddr", "$IP[@1]"}})},
                                {{"IP", {"192.0.2.1", "192.0.2.2"}}});
  ASSERT_TRUE(program);
  EXPECT_EQ(program->sets.size(), 1U);
}

TEST(ElementsOf, PortsDoNotShareElements) {
  const Variables variables = {{"IP", {"10.0.0.1"}}};
  EXPECT_NE(keys(elements_of({{kIp}}, port("vnet1"), variables)),
            keys(elements_of({{kIp}}, port("vnet10"), variables)));
}

TEST(ElementsOf, AValueThatDoesNotFitIsRefused) {
  const ValueSet third{{column("$IP[2]", ValueKind::Ipv4Address, KeyType::Ipv4Addr)}};
  struct Case {
    std::string name;
    ValueSet set;
    Variables variables;
    std::string says;
  };
  const std::vector<Case> cases = {
      {"wrong kind", {{kIp}}, {{"IP", {"10.0.0.1", "2001:db8::1"}}}, "'2001:db8::1' of $IP"},
      {"missing", {{kIp}}, {{"A", {"10.0.0.1"}}}, "$IP"},
      {"of unequal length",
       {{kIp, column("$P", ValueKind::Uint16, KeyType::InetService)}},
       {{"IP", {"10.0.0.1", "10.0.0.2"}}, {"P", {"80"}}},
       "$IP has 2 values and $P has 1"},
      {"out of range", third, {{"IP", {"10.0.0.1", "10.0.0.2"}}}, "$IP[2]"},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.name);
    const auto elements = elements_of(given.set, port("vnet0"), given.variables);
    ASSERT_FALSE(elements);
    EXPECT_EQ(elements.error().kind, ErrorKind::Invalid);
    EXPECT_THAT(elements.error().message, HasSubstr(given.says));
  }
}

TEST(ElementsOf, EveryProgramsSetsCanBeFilled) {
  for (const Sharing& given : sharing()) {
    SCOPED_TRACE(given.name);
    const auto program = compiled(given.entries, given.one);
    ASSERT_TRUE(program);
    for (const ValueSet& set : program->sets) {
      const auto elements = elements_of(set, port("vnet0"), given.one);
      ASSERT_TRUE(elements) << describe(elements.error());
      EXPECT_FALSE(elements->empty());
      for (const Element& element : *elements) EXPECT_EQ(element.key.size(), key_length(set.set().key));
    }
  }
}

}  // namespace
}  // namespace nwf
