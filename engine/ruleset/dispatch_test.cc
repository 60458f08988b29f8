// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/dispatch.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/model/rule_for_tests.h"
#include "engine/program/compile.h"
#include "engine/ruleset/fingerprint.h"
#include "engine/ruleset/state.h"

namespace nwf {
namespace {

using for_tests::filter;
using for_tests::Filters;
using for_tests::rule;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr std::size_t kEtherOut = flow_index(Layer::Ethernet, Direction::Out);
constexpr std::size_t kEtherIn = flow_index(Layer::Ethernet, Direction::In);
constexpr std::size_t kInetOut = flow_index(Layer::Inet, Direction::Out);
constexpr std::size_t kInetIn = flow_index(Layer::Inet, Direction::In);

/// Where each flow's packets are caught (dispatch.h).
struct BaseOfFlow {
  std::string name;
  BaseHook hook;
  MetaKey port;
};
const std::array<BaseOfFlow, kFlowCount>& bases() {
  static const std::array<BaseOfFlow, kFlowCount> kBases = {{
      {"guest-out.ethernet", {Hook::Prerouting, -300}, MetaKey::InterfaceIn},
      {"guest-in.ethernet", {Hook::Postrouting, 300}, MetaKey::InterfaceOut},
      {"guest-out.inet", {Hook::Prerouting, 1}, MetaKey::InterfaceIn},
      {"guest-in.inet", {Hook::Forward, -10}, MetaKey::InterfaceOut},
  }};
  return kBases;
}

Capabilities capable(bool conntrack, bool netfilter, bool kind = false) {
  const auto probe = [](bool yes) { return yes ? Probe::Yes : Probe::No; };
  return {probe(conntrack), probe(conntrack), probe(netfilter), probe(netfilter), probe(kind)};
}

/// A program's outside: which flows it judges.
LoweredProgram program_in(const std::string& name, const std::array<bool, kFlowCount>& flows) {
  LoweredProgram program;
  program.name = name;
  program.ports = "ports." + name;
  for (std::size_t flow = 0; flow < kFlowCount; ++flow)
    if (flows[flow]) {
      program.entry[flow] = fmt::format("{}.{}", name, flow);
      program.chains.push_back(
          {program.entry[flow], std::nullopt, {{{expr::Immediate{{VerdictCode::Drop, {}}}}, "drop"}}, {}});
    }
  return program;
}

Ruleset framed(const FrameNeeds& needs, const Capabilities& capabilities = capable(true, false),
               const LowerOptions& options = {}) {
  auto made = frame(needs, capabilities, options);
  if (!made) throw std::logic_error(describe(made.error()));
  return *std::move(made);
}

const Table& bridge(const Ruleset& ruleset) { return ruleset.tables.at(Family::Bridge); }
const Table& inet(const Ruleset& ruleset) { return ruleset.tables.at(Family::Inet); }

std::map<std::string, BaseHook> hooks_of(const Table& table) {
  std::map<std::string, BaseHook> hooks;
  for (const auto& [name, chain] : table.chains)
    if (chain.base) hooks.emplace(name, *chain.base);
  return hooks;
}

std::vector<std::string> names_of(const auto& map) {
  std::vector<std::string> names;
  for (const auto& [name, object] : map) names.push_back(name);
  return names;
}

template <class T>
const T* find_in(const Rule& rule) {
  for (const Expression& expression : rule.expressions)
    if (const auto* found = std::get_if<T>(&expression)) return found;
  return nullptr;
}

/// (mark & mask) == value
struct MarkTest {
  std::uint32_t mask;
  std::uint32_t value;
};
/// True when the rule goes on for exactly the marks that hold the value under the mask.
bool tests_mark(const Rule& rule, const MarkTest& test) {
  const auto wanted = test_mark(test.mask, test.value);
  return std::search(rule.expressions.begin(), rule.expressions.end(), wanted.begin(), wanted.end()) !=
         rule.expressions.end();
}

Bytes key_of(const std::string& port) {
  Bytes key(port.begin(), port.end());
  key.resize(PortName::kSize);
  return key;
}
PortName port(const std::string& name) { return *PortName::parse(name); }

/// Everything that rules and elements name is there: what the kernel demands of a whole table.
void expect_whole(const Ruleset& ruleset) {
  for (const auto& each_table : ruleset.tables) {
    const Table& table = each_table.second;
    const auto expect_target = [&](const Verdict& verdict) {
      EXPECT_TRUE(verdict.chain.empty() || table.chains.contains(verdict.chain)) << verdict.chain;
    };
    for (const auto& [name, chain] : table.chains) {
      EXPECT_EQ(name, chain.name);
      EXPECT_LE(chain.comment.size(), kMaxComment);
      for (const Rule& each : chain.rules) {
        EXPECT_LE(each.comment.size(), kMaxComment);
        for (const Expression& expression : each.expressions) {
          if (const auto* use = std::get_if<expr::Lookup>(&expression)) {
            ASSERT_TRUE(table.sets.contains(use->set)) << name << " looks up " << use->set;
            EXPECT_EQ(table.sets.at(use->set).verdict_map, use->verdict_map) << use->set;
          }
          if (const auto* use = std::get_if<expr::DynamicSet>(&expression)) {
            ASSERT_TRUE(table.sets.contains(use->set)) << name << " adds to " << use->set;
            EXPECT_TRUE(table.sets.at(use->set).dynamic) << use->set;
          }
          if (const auto* use = std::get_if<expr::Immediate>(&expression)) expect_target(use->verdict);
        }
      }
    }
    for (const auto& [set, elements] : table.elements) {
      ASSERT_TRUE(table.sets.contains(set)) << set;
      for (const Element& element : elements) {
        EXPECT_EQ(element.key.size(), key_length(table.sets.at(set).key)) << set;
        EXPECT_EQ(element.verdict.has_value(), table.sets.at(set).verdict_map) << set;
        if (element.verdict) expect_target(*element.verdict);
      }
    }
  }
}

// ---- Needs

TEST(FrameNeeds, NothingAskedForIsEmpty) {
  EXPECT_TRUE(FrameNeeds{}.empty());
  FrameNeeds needs;
  needs.add(program_in("empty", {}), false);
  EXPECT_TRUE(needs.empty()) << "a program that judges nothing needs nothing";
}

TEST(FrameNeeds, AnythingAskedForIsNotEmpty) {
  FrameNeeds state, limit, common, mapped, closed;
  state.needs.insert(Need::StateMark);
  limit.limits.insert({5, false});
  common.add_dispatch("ports.web", {}, true);
  mapped.add_dispatch("ports.web", {"", "", "", "web.3"}, false);
  closed.add_closed();
  for (const FrameNeeds& needs : {state, limit, common, mapped, closed}) EXPECT_FALSE(needs.empty());
}

TEST(FrameNeeds, AProgramBringsItsOwnNeedsAndThoseOfItsPorts) {
  LoweredProgram program = program_in("web", {true, false, false, true});
  program.needs = {Need::StateMark};
  program.limits = {{5, true}};
  for (const bool is_common : {false, true}) {
    FrameNeeds all, dispatch;
    all.add(program, is_common);
    EXPECT_THAT(all.needs, ElementsAre(Need::StateMark));
    EXPECT_THAT(all.limits, ElementsAre(MarkedLimit{5, true}));
    dispatch.add_dispatch(program.ports, program.entry, is_common);
    EXPECT_EQ(all.common, dispatch.common);
    EXPECT_EQ(all.mapped, dispatch.mapped);
    if (is_common)
      EXPECT_THAT(names_of(all.common), ElementsAre("ports.web"));
    else
      EXPECT_THAT(all.mapped, ElementsAre(true, false, false, true));
  }
}

TEST(FrameNeeds, AddUpOverPrograms) {
  LoweredProgram one = program_in("one", {true, false, false, false}),
                 two = program_in("two", {false, false, true, false});
  one.needs = {Need::StateMark};
  two.needs = {Need::RejectMark};
  FrameNeeds needs;
  needs.add(one, false);
  needs.add(two, false);
  EXPECT_THAT(needs.mapped, ElementsAre(true, false, true, false));
  EXPECT_THAT(needs.needs, UnorderedElementsAre(Need::StateMark, Need::RejectMark));
  FrameNeeds other_order;
  other_order.add(two, false);
  other_order.add(one, false);
  EXPECT_EQ(needs, other_order);
}

// ---- The frame

TEST(Frame, EmptyNeedsGiveAnEmptyRuleset) {
  LowerOptions host_too;
  host_too.filter_host_traffic = true;
  for (const LowerOptions& options : {LowerOptions{}, host_too})
    EXPECT_EQ(framed({}, capable(true, true), options), Ruleset{});
}

TEST(Frame, HasABaseChainForEachFlowThatIsJudgedAndNoOther) {
  for (const bool is_common : {false, true})
    for (unsigned flows = 1; flows < 16; ++flows) {
      SCOPED_TRACE(fmt::format("flows {:04b} common {}", flows, is_common));
      std::array<bool, kFlowCount> judged{};
      std::map<std::string, BaseHook> hooks;
      for (std::size_t flow = 0; flow < kFlowCount; ++flow) {
        judged[flow] = (flows >> flow & 1U) != 0;
        if (judged[flow]) hooks.emplace(bases()[flow].name, bases()[flow].hook);
      }
      FrameNeeds needs;
      needs.add(program_in("web", judged), is_common);
      const Ruleset made = framed(needs);
      EXPECT_EQ(hooks_of(bridge(made)), hooks);
      EXPECT_THAT(bridge(made).chains, SizeIs(hooks.size()));
      EXPECT_FALSE(made.tables.contains(Family::Inet));
    }
}

TEST(Frame, ACommonProgramIsGoneToByASetOfItsPorts) {
  const LoweredProgram program = program_in("web", {true, true, true, true});
  FrameNeeds needs;
  needs.add(program, true);
  Ruleset made = framed(needs);
  EXPECT_THAT(names_of(bridge(made).sets), ElementsAre("ports.web"));
  for (std::size_t flow = 0; flow < kFlowCount; ++flow) {
    const Chain& chain = bridge(made).chains.at(bases()[flow].name);
    ASSERT_THAT(chain.rules, SizeIs(1));
    const Rule& only = chain.rules[0];
    ASSERT_NE(find_in<expr::MetaLoad>(only), nullptr);
    EXPECT_EQ(find_in<expr::MetaLoad>(only)->key, bases()[flow].port);
    ASSERT_NE(find_in<expr::Lookup>(only), nullptr);
    EXPECT_EQ(find_in<expr::Lookup>(only)->set, "ports.web");
    EXPECT_EQ(find_in<expr::Lookup>(only)->from, find_in<expr::MetaLoad>(only)->to);
    EXPECT_FALSE(find_in<expr::Lookup>(only)->inverted);
    ASSERT_NE(find_in<expr::Immediate>(only), nullptr);
    EXPECT_EQ(find_in<expr::Immediate>(only)->verdict, (Verdict{VerdictCode::Goto, program.entry[flow]}));
  }
  add_program(program, true, made);
  expect_whole(made);
}

TEST(Frame, ProgramsThatAreNotCommonAreFoundInOneVerdictMapForEachFlow) {
  FrameNeeds needs;
  needs.add(program_in("web", {true, true, false, false}), false);
  needs.add(program_in("mail", {true, false, false, true}), false);
  const Ruleset made = framed(needs);
  for (const std::size_t flow : {kEtherOut, kEtherIn, kInetIn}) {
    const Chain& chain = bridge(made).chains.at(bases()[flow].name);
    ASSERT_THAT(chain.rules, SizeIs(1)) << "one lookup, whatever the number of programs";
    const auto* lookup = find_in<expr::Lookup>(chain.rules[0]);
    ASSERT_NE(lookup, nullptr);
    EXPECT_EQ(lookup->set, dispatch_map(flow).name);
    EXPECT_TRUE(lookup->verdict_map);
    ASSERT_NE(find_in<expr::MetaLoad>(chain.rules[0]), nullptr);
    EXPECT_EQ(find_in<expr::MetaLoad>(chain.rules[0])->key, bases()[flow].port);
  }
  EXPECT_THAT(
      names_of(bridge(made).sets),
      UnorderedElementsAre(dispatch_map(kEtherOut).name, dispatch_map(kEtherIn).name, dispatch_map(kInetIn).name));
  expect_whole(made);
}

TEST(Frame, BothWaysMayStandSideBySide) {
  FrameNeeds needs;
  const LoweredProgram web = program_in("web", {true, false, false, false});
  const LoweredProgram mail = program_in("mail", {true, true, false, false});
  const LoweredProgram rare = program_in("rare", {true, false, false, false});
  needs.add(web, true);
  needs.add(mail, true);
  needs.add(rare, false);
  Ruleset made = framed(needs);
  EXPECT_THAT(bridge(made).chains.at("guest-out.ethernet").rules, SizeIs(3));
  EXPECT_THAT(bridge(made).chains.at("guest-in.ethernet").rules, SizeIs(1));
  for (const LoweredProgram* program : {&web, &mail}) add_program(*program, true, made);
  add_program(rare, false, made);
  expect_whole(made);
}

TEST(Frame, TheOrderInWhichProgramsCameDoesNotShow) {
  const LoweredProgram web = program_in("web", {true, true, true, true}),
                       mail = program_in("mail", {true, true, true, true});
  FrameNeeds one, two;
  one.add(web, true);
  one.add(mail, true);
  two.add(mail, true);
  two.add(web, true);
  EXPECT_EQ(framed(one), framed(two));
}

TEST(Frame, PortsThatWaitAreLookedUpFirst) {
  FrameNeeds needs;
  for (const char* name : {"aaa", "nwf_waiting_01234567", "zzz"})
    needs.add(program_in(name, {true, true, true, true}), true);
  const Ruleset made = framed(needs);
  for (std::size_t flow = 0; flow < kFlowCount; ++flow) {
    std::vector<std::string> order;
    for (const Rule& rule : bridge(made).chains.at(bases()[flow].name).rules)
      order.push_back(find_in<expr::Lookup>(rule)->set);
    EXPECT_THAT(order, ElementsAre("ports.nwf_waiting_01234567", "ports.aaa", "ports.zzz"));
  }
}

TEST(Frame, ClosedPortsNeedTheEthernetLayerAlone) {
  FrameNeeds needs;
  needs.add_closed();
  Ruleset made = framed(needs);
  EXPECT_THAT(names_of(bridge(made).chains), UnorderedElementsAre("guest-out.ethernet", "guest-in.ethernet"));
  EXPECT_FALSE(made.tables.contains(Family::Inet));
  add_elements(closed_elements(port("vnet0")), made);
  expect_whole(made);
}

TEST(Frame, ConnectionStateByMarkHasAChainThatCopiesIt) {
  LoweredProgram program = program_in("web", {false, false, true, false});
  program.needs = {Need::StateMark};
  FrameNeeds needs;
  needs.add(program, true);
  for (const bool kind : {false, true}) {
    const Ruleset made = framed(needs, capable(false, true, kind));
    ASSERT_TRUE(made.tables.contains(Family::Inet));
    EXPECT_EQ(hooks_of(inet(made)), (std::map<std::string, BaseHook>{{"connection-state", {Hook::Prerouting, -150}}}));
    // Where the kernel can tell, packets that are only routed are left alone.
    bool asks_for_kind = false;
    for (const Rule& each : inet(made).chains.at("connection-state").rules)
      for (const Expression& expression : each.expressions)
        if (const auto* load = std::get_if<expr::MetaLoad>(&expression))
          asks_for_kind = asks_for_kind || load->key == MetaKey::InterfaceInKind;
    EXPECT_EQ(asks_for_kind, kind);
  }
}

TEST(Frame, ARejectMarkIsTurnedIntoARejectOrElseADrop) {
  LoweredProgram program = program_in("web", {false, false, true, false});
  program.needs = {Need::RejectMark};
  FrameNeeds needs;
  needs.add(program, true);
  for (const unsigned shift : {0U, 24U}) {
    LowerOptions options;
    options.mark.shift = shift;
    const Ruleset made = framed(needs, capable(false, true), options);
    EXPECT_EQ(hooks_of(inet(made)), (std::map<std::string, BaseHook>{{"rejected", {Hook::Forward, -1}},
                                                                     {"rejected-input", {Hook::Input, -1}}}));
    const auto marked = MarkTest{options.mark.reject(), options.mark.reject()};
    for (const std::string name : {"rejected", "rejected-input"}) {
      const Chain& chain = inet(made).chains.at(name);
      ASSERT_THAT(chain.rules, SizeIs(1));
      EXPECT_TRUE(tests_mark(chain.rules[0], marked)) << name;
      EXPECT_NE(find_in<expr::Reject>(chain.rules[0]), nullptr);
    }
    const Chain& fallback = bridge(made).chains.at("reject-fallback");
    EXPECT_EQ(fallback.base, (BaseHook{Hook::Forward, 10}));
    ASSERT_THAT(fallback.rules, SizeIs(1));
    EXPECT_TRUE(tests_mark(fallback.rules[0], marked));
    ASSERT_NE(find_in<expr::Immediate>(fallback.rules[0]), nullptr);
    EXPECT_EQ(find_in<expr::Immediate>(fallback.rules[0])->verdict.code, VerdictCode::Drop);
  }
}

// Another guest's rules would drop it before the inet hook could tell the sender.
TEST(Frame, WhatIsRejectedAlreadyIsNotJudgedAgain) {
  LoweredProgram program = program_in("web", {false, false, true, true});
  FrameNeeds needs;
  needs.add(program, true);
  EXPECT_THAT(bridge(framed(needs, capable(false, true))).chains.at("guest-in.inet").rules, SizeIs(1));
  needs.needs.insert(Need::RejectMark);
  const Ruleset made = framed(needs, capable(false, true));
  const Chain& chain = bridge(made).chains.at("guest-in.inet");
  ASSERT_THAT(chain.rules, SizeIs(2));
  EXPECT_TRUE(tests_mark(chain.rules[0], MarkTest{MarkBits{}.reject(), MarkBits{}.reject()}));
  ASSERT_NE(find_in<expr::Immediate>(chain.rules[0]), nullptr);
  EXPECT_EQ(find_in<expr::Immediate>(chain.rules[0])->verdict.code, VerdictCode::Accept);
}

TEST(Frame, MarkedLimitsAreCountedInTheInetFamily) {
  LoweredProgram program = program_in("web", {false, false, true, false});
  program.limits = {{5, false}, {6, true}};
  FrameNeeds needs;
  needs.add(program, true);
  const Ruleset made = framed(needs, capable(false, true));
  EXPECT_EQ(hooks_of(inet(made)), (std::map<std::string, BaseHook>{{"connection-limit", {Hook::Forward, -2}},
                                                                   {"connection-limit-input", {Hook::Input, -2}}}));
  std::set<std::string> counted;
  for (const std::string name : {"connection-limit", "connection-limit-input"}) {
    const Chain& chain = inet(made).chains.at(name);
    for (const MarkedLimit& limit : program.limits) {
      std::vector<std::uint8_t> families;
      for (const Rule& each : chain.rules) {
        if (!tests_mark(each, MarkTest{MarkBits{}.limit_mask(), MarkBits{}.limit(limit_id(limit))})) continue;
        const auto* count = find_in<expr::DynamicSet>(each);
        ASSERT_NE(count, nullptr);
        EXPECT_TRUE(count->connlimit);
        EXPECT_EQ(count->connlimit_over, limit.above);
        EXPECT_TRUE(counted.insert(count->set).second) << "counted together: " << count->set;
        EXPECT_EQ(find_in<expr::Reject>(each) != nullptr, limit.reject);
        EXPECT_EQ(find_in<expr::Immediate>(each) != nullptr, !limit.reject);
        const auto* source = find_in<expr::Payload>(each);
        ASSERT_NE(source, nullptr);
        EXPECT_EQ(source->length, key_length(inet(made).sets.at(count->set).key));
        families.push_back(source->length == 4 ? 4 : 6);
      }
      EXPECT_THAT(families, UnorderedElementsAre(4, 6)) << name << " " << limit.above;
    }
  }
}

TEST(Frame, TwoLimitsWithOneIdAreRefused) {
  FrameNeeds needs;
  const MarkedLimit one{1, false}, two{static_cast<std::uint16_t>(1 + kMaxMarkedLimits), false};
  ASSERT_EQ(limit_id(one), limit_id(two));
  needs.limits = {one, two};
  const auto made = frame(needs, capable(false, true), {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::Unsupported);
  EXPECT_THAT(made.error().message, AllOf(HasSubstr("connlimit-above 1"), HasSubstr("connlimit-above 16")));
  EXPECT_THAT(made.error().remedy, Not(IsEmpty()));
}

TEST(Frame, AsManyLimitsAsThereAreIdsMayStandTogether) {
  FrameNeeds needs;
  for (unsigned above = 1; above <= kMaxMarkedLimits; ++above)
    needs.limits.insert({static_cast<std::uint16_t>(above), false});
  EXPECT_TRUE(frame(needs, capable(false, true), {}));
}

TEST(Frame, TheHostsOwnTrafficIsJudgedOnlyWhenAskedFor) {
  LoweredProgram program = program_in("web", {true, true, true, true});
  program.needs = {Need::StateMark};
  FrameNeeds needs;
  needs.add(program, true);
  LowerOptions options;
  const Ruleset without = framed(needs, capable(false, true), options);
  options.filter_host_traffic = true;
  const Ruleset with = framed(needs, capable(false, true), options);
  for (const auto& [family, table] : without.tables)
    for (const auto& [name, hook] : hooks_of(table)) EXPECT_NE(hook.hook, Hook::Output) << name;
  const Chain& chain = bridge(with).chains.at("host-to-guest.inet");
  EXPECT_EQ(chain.base, (BaseHook{Hook::Output, 1}));
  ASSERT_THAT(chain.rules, SizeIs(1));
  ASSERT_NE(find_in<expr::Immediate>(chain.rules[0]), nullptr);
  EXPECT_EQ(find_in<expr::Immediate>(chain.rules[0])->verdict.chain, program.entry[kInetIn]);
  // Its connections have a state too.
  EXPECT_THAT(hooks_of(inet(with)),
              Contains(std::pair<const std::string, BaseHook>("connection-state-output", {Hook::Output, -150})));
}

TEST(Frame, TheHostsOwnTrafficHasNoChainWithoutAnInetProgramForTheGuest) {
  LowerOptions options;
  options.filter_host_traffic = true;
  FrameNeeds needs;
  needs.add(program_in("web", {true, true, true, false}), true);
  EXPECT_FALSE(bridge(framed(needs, capable(true, false), options)).chains.contains("host-to-guest.inet"));
}

TEST(Frame, EveryChainIsSealed) {
  FrameNeeds needs;
  needs.add(program_in("web", {true, true, true, true}), true);
  needs.add_closed();
  needs.needs = {Need::StateMark, Need::RejectMark};
  needs.limits = {{5, false}};
  LowerOptions options;
  options.filter_host_traffic = true;
  const Ruleset made = framed(needs, capable(false, true, true), options);
  for (const auto& [family, table] : made.tables)
    for (const auto& [name, chain] : table.chains) EXPECT_THAT(sealed_fingerprint(chain), SizeIs(16)) << name;
}

// ---- What a port has

TEST(Dispatch, MapsAndSetsAreKeyedByTheWholePortName) {
  std::set<std::string> names;
  for (std::size_t flow = 0; flow < kFlowCount; ++flow) {
    const Set map = dispatch_map(flow);
    EXPECT_TRUE(map.verdict_map);
    EXPECT_FALSE(map.dynamic);
    EXPECT_THAT(map.key, ElementsAre(KeyPart{KeyType::IfName, PortName::kSize}));
    EXPECT_TRUE(names.insert(map.name).second) << map.name;
  }
  const Set set = ports_set("ports.web");
  EXPECT_EQ(set.name, "ports.web");
  EXPECT_FALSE(set.verdict_map);
  EXPECT_THAT(set.key, ElementsAre(KeyPart{KeyType::IfName, PortName::kSize}));
}

/// A compiled program with values, and what its kernel objects are.
struct Compiled {
  Program program;
  LoweredProgram lowered;
};
Compiled compiled() {
  const Filters filters = {filter("web", {rule(Action::Return, Direction::Out, Protocol::Mac, {{"srcmacaddr", "$MAC"}}),
                                          rule(Action::Drop, Direction::Out, Protocol::Ip, {{"srcipaddr", "$IP"}}),
                                          rule(Action::Drop, Direction::In, Protocol::Tcp, {{"dstportstart", "22"}})})};
  auto program = compile(filters.at("web"), filters, {{"MAC", {"52:54:00:00:00:01"}}, {"IP", {"192.0.2.1"}}});
  if (!program) throw std::logic_error(describe(program.error()));
  auto lowered = lower(*program, capable(true, false), {});
  if (!lowered) throw std::logic_error(describe(lowered.error()));
  return {*std::move(program), *std::move(lowered)};
}

const Variables kValues = {{"MAC", {"52:54:00:00:00:09"}}, {"IP", {"192.0.2.8", "192.0.2.9"}}};

std::map<std::string, std::vector<Element>> by_set(const PortElements& elements) {
  std::map<std::string, std::vector<Element>> all;
  for (const auto& entry : elements.entries) {
    auto& into = all[entry.set.name];
    into.insert(into.end(), entry.elements.begin(), entry.elements.end());
  }
  return all;
}

TEST(PortElements, OfACommonProgramAreAMemberAndItsValues) {
  const Compiled web = compiled();
  const auto made = port_elements(web.lowered, web.program.sets, true, port("vnet7"), kValues);
  ASSERT_TRUE(made) << describe(made.error());
  const auto sets = by_set(*made);
  EXPECT_THAT(names_of(sets), UnorderedElementsAre("ports.web", "v.IP.ipv4", "v.MAC.ether"));
  EXPECT_THAT(sets.at("ports.web"), ElementsAre(Element{key_of("vnet7"), std::nullopt}));
  EXPECT_THAT(sets.at("v.IP.ipv4"), SizeIs(2));
}

TEST(PortElements, OfOtherProgramsAreAVerdictForEachFlowThatIsJudged) {
  const Compiled web = compiled();
  ASSERT_THAT(web.lowered.entry[kEtherIn], IsEmpty());
  const auto made = port_elements(web.lowered, web.program.sets, false, port("vnet7"), kValues);
  ASSERT_TRUE(made) << describe(made.error());
  const auto sets = by_set(*made);
  EXPECT_THAT(names_of(sets), UnorderedElementsAre(dispatch_map(kEtherOut).name, dispatch_map(kInetOut).name,
                                                   dispatch_map(kInetIn).name, "v.IP.ipv4", "v.MAC.ether"));
  for (const std::size_t flow : {kEtherOut, kInetOut, kInetIn})
    EXPECT_THAT(sets.at(dispatch_map(flow).name),
                ElementsAre(Element{key_of("vnet7"), Verdict{VerdictCode::Goto, web.lowered.entry[flow]}}));
}

TEST(PortElements, ValuesBeginWithThePort) {
  const Compiled web = compiled();
  const auto made = port_elements(web.lowered, web.program.sets, true, port("vnet7"), kValues);
  ASSERT_TRUE(made);
  for (const auto& entry : made->entries)
    for (const Element& element : entry.elements) {
      ASSERT_GE(element.key.size(), PortName::kSize);
      EXPECT_EQ(Bytes(element.key.begin(), element.key.begin() + PortName::kSize), key_of("vnet7")) << entry.set.name;
      EXPECT_EQ(element.key.size(), key_length(entry.set.key)) << entry.set.name;
    }
}

TEST(PortElements, ThePortIsDispatchedOnceItsValuesAreThere) {
  const Compiled web = compiled();
  for (const bool is_common : {false, true}) {
    const auto made = port_elements(web.lowered, web.program.sets, is_common, port("vnet7"), kValues);
    ASSERT_TRUE(made);
    bool dispatched = false;
    for (const auto& entry : made->entries) {
      const bool value = entry.set.name.starts_with("v.");
      EXPECT_FALSE(value && dispatched) << entry.set.name;
      dispatched = dispatched || !value;
    }
    EXPECT_TRUE(dispatched);
  }
}

TEST(PortElements, BadOrMissingValuesAreErrorsThatNameThem) {
  const Compiled web = compiled();
  const std::vector<std::pair<Variables, std::string>> cases = {
      {{{"MAC", {"52:54:00:00:00:09"}}}, "IP"},
      {{{"MAC", {"52:54:00:00:00:09"}}, {"IP", {"192.0.2.300"}}}, "192.0.2.300"},
  };
  for (const auto& [variables, named] : cases)
    for (const bool is_common : {false, true}) {
      const auto made = port_elements(web.lowered, web.program.sets, is_common, port("vnet7"), variables);
      ASSERT_FALSE(made);
      EXPECT_EQ(made.error().kind, ErrorKind::Invalid);
      EXPECT_THAT(made.error().message, HasSubstr(named));
    }
}

TEST(PortElements, OfAClosedPortAreADropInEachDirection) {
  const auto sets = by_set(closed_elements(port("vnet7")));
  EXPECT_THAT(names_of(sets), UnorderedElementsAre(dispatch_map(kEtherOut).name, dispatch_map(kEtherIn).name));
  for (const auto& [name, elements] : sets)
    EXPECT_THAT(elements, ElementsAre(Element{key_of("vnet7"), Verdict{VerdictCode::Drop, {}}})) << name;
}

// ---- All of it together

TEST(Dispatch, FrameProgramsAndPortsMakeAWholeRuleset) {
  const Compiled web = compiled();
  for (const bool is_common : {false, true}) {
    FrameNeeds needs;
    needs.add(web.lowered, is_common);
    needs.add_closed();
    Ruleset made = framed(needs);
    add_program(web.lowered, is_common, made);
    for (const std::string name : {"vnet1", "vnet2"}) {
      const auto elements = port_elements(web.lowered, web.program.sets, is_common, port(name), kValues);
      ASSERT_TRUE(elements);
      add_elements(*elements, made);
    }
    add_elements(closed_elements(port("vnet3")), made);
    expect_whole(made);
    const auto& values = bridge(made).elements.at("v.IP.ipv4");
    EXPECT_THAT(values, SizeIs(4)) << "two ports, two values each";
  }
}

TEST(Dispatch, TheFrameAndTheProgramAgreeOnTheSetOfPorts) {
  const Compiled web = compiled();
  FrameNeeds needs;
  needs.add(web.lowered, true);
  const Ruleset alone = framed(needs);
  Ruleset both = alone;
  add_program(web.lowered, true, both);
  EXPECT_EQ(bridge(both).sets.at(web.lowered.ports), bridge(alone).sets.at(web.lowered.ports));
}

TEST(Dispatch, AProgramThatIsNotCommonHasNoSetOfPorts) {
  const Compiled web = compiled();
  Ruleset made;
  add_program(web.lowered, false, made);
  EXPECT_THAT(names_of(bridge(made).sets), UnorderedElementsAre("v.IP.ipv4", "v.MAC.ether"));
  EXPECT_THAT(bridge(made).chains, SizeIs(web.lowered.chains.size()));
}

TEST(Dispatch, ProgramsShareTheirValueSets) {
  const Compiled web = compiled();
  LoweredProgram other = web.lowered;
  other.name = "other";
  Ruleset made;
  add_program(web.lowered, false, made);
  const Ruleset once = made;
  add_program(other, false, made);
  EXPECT_EQ(bridge(made).sets, bridge(once).sets);
}

TEST(Dispatch, AddingElementsTwiceIsAddingThemOnce) {
  const Compiled web = compiled();
  const auto elements = port_elements(web.lowered, web.program.sets, true, port("vnet1"), kValues);
  ASSERT_TRUE(elements);
  Ruleset once;
  add_elements(*elements, once);
  Ruleset twice = once;
  add_elements(*elements, twice);
  EXPECT_EQ(once, twice);
}

}  // namespace
}  // namespace nwf
