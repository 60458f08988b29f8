// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/lower.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/model/rule_for_tests.h"
#include "engine/program/compile.h"
#include "engine/program/packet_field.h"
#include "engine/ruleset/drops.h"
#include "engine/ruleset/fingerprint.h"

namespace nwf {
namespace {

using for_tests::filter;
using for_tests::Filters;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

using ProgramTest = nwf::Test;  // inside TEST(), Test is GoogleTest's own

constexpr std::size_t kEtherOut = flow_index(Layer::Ethernet, Direction::Out);
constexpr std::size_t kEtherIn = flow_index(Layer::Ethernet, Direction::In);
constexpr std::size_t kInetOut = flow_index(Layer::Inet, Direction::Out);
constexpr std::size_t kInetIn = flow_index(Layer::Inet, Direction::In);

Capabilities capable(bool conntrack, bool reject, bool netfilter4, bool netfilter6) {
  const auto probe = [](bool yes) { return yes ? Probe::Yes : Probe::No; };
  return {probe(conntrack), probe(reject), probe(netfilter4), probe(netfilter6), Probe::No};
}
Capabilities native() { return capable(true, true, false, false); }
Capabilities by_mark() { return capable(false, false, true, true); }
Capabilities bare() { return capable(false, false, false, false); }

// Programs by hand.

ProgramRule rule_of(std::vector<ProgramTest> tests, Action action, std::string origin = "web rule 1 line 2") {
  return {std::move(tests), action, std::move(origin), {"web.xml", 2, 3}};
}

Program program_of(std::size_t flow, std::vector<ProgramRule> rules, bool ipv6 = false) {
  Program program;
  program.name = program.filter = "web";
  program.filters = {"web"};
  Flow& into = program.flows.at(flow);
  if (flow_layer(flow) == Layer::Inet) {
    into.chains.push_back({"root", std::nullopt, {}});
    into.chains[0].entries.push_back({std::size_t{1}});
    into.chains.push_back({ipv6 ? "ip6" : "ip4", std::nullopt, {}});
  } else {
    into.chains.push_back({"root", std::nullopt, {}});
  }
  for (ProgramRule& rule : rules) {
    for (const ProgramTest& test : rule.tests)
      if (const auto* member = std::get_if<test::Member>(&test)) program.sets.push_back(member->set);
    into.chains.back().entries.push_back({std::move(rule)});
  }
  return program;
}

LoweredProgram lowered(const Program& program, const Capabilities& capabilities = native(),
                       const LowerOptions& options = {}) {
  auto result = lower(program, capabilities, options);
  if (!result) throw std::logic_error(describe(result.error()));
  return *std::move(result);
}

const Chain* find_chain(const LoweredProgram& program, const std::string& name) {
  const auto found = std::find_if(program.chains.begin(), program.chains.end(),
                                  [&](const Chain& chain) { return chain.name == name; });
  return found == program.chains.end() ? nullptr : &*found;
}

const Set* find_set(const LoweredProgram& program, const std::string& name) {
  const auto found =
      std::find_if(program.sets.begin(), program.sets.end(), [&](const Set& set) { return set.name == name; });
  return found == program.sets.end() ? nullptr : &*found;
}

template <class T>
std::vector<T> expressions_of(const LoweredProgram& program) {
  std::vector<T> all;
  for (const Chain& chain : program.chains)
    for (const Rule& rule : chain.rules)
      for (const Expression& expression : rule.expressions)
        if (const auto* found = std::get_if<T>(&expression)) all.push_back(*found);
  return all;
}

// A packet through a program, as the kernel runs it.

struct Packet {
  std::string in = "vnet0", out = "vnet1";
  Bytes link = Bytes(18), network = Bytes(40), transport = Bytes(20);
  std::uint8_t l4proto = 6;
  std::uint32_t mark = 0;
  std::uint32_t ct_state = 0;
  std::uint8_t ct_direction = 0;
  std::vector<std::uint8_t> tcp_options;
  std::uint32_t connections = 0;  ///< that stand under its key, for every limit
};

/// What it asks of the frame, but for the chains that drop.
std::set<Need> needs_beside_drops(const LoweredProgram& program) {
  std::set<Need> needs = program.needs;
  needs.erase(Need::DropsOut);
  needs.erase(Need::DropsIn);
  return needs;
}

enum class End { Accept, Drop, Reject, GoesOn };

class Machine {
 public:
  Machine(const LoweredProgram& program, std::size_t flow) : program_(program), flow_(flow) {}

  std::map<std::string, std::set<Bytes>> elements;

  End run(Packet& packet) {
    packet_ = &packet;
    end_.reset();
    chain(program_.entry.at(flow_));
    return end_.value_or(End::GoesOn);
  }

 private:
  std::uint8_t* at(Register r) { return registers_.data() + std::size_t{r} * 4; }
  void put(Register to, const Bytes& bytes, std::size_t width) {
    ASSERT_LE(std::size_t{to} * 4 + (width + 3) / 4 * 4, registers_.size());
    std::memset(at(to), 0, (width + 3) / 4 * 4);
    std::copy_n(bytes.begin(), std::min(bytes.size(), width), at(to));
  }
  Bytes key(const std::string& set, Register from) {
    const Set* found = find_set(program_, set);
    if (found == nullptr) {
      ADD_FAILURE() << "no set " << set;
      return {};
    }
    return {at(from), at(from) + key_length(found->key)};
  }

  void chain(const std::string& name) {
    const Chain* found = find_chain(program_, name);
    ASSERT_NE(found, nullptr) << name;
    for (const Rule& rule : found->rules) {
      const auto verdict = this->rule(rule);
      if (end_) return;
      if (!verdict || verdict->code == VerdictCode::Continue) continue;
      if (verdict->code == VerdictCode::Accept) end_ = End::Accept;
      if (verdict->code == VerdictCode::Drop || is_dropped_chain(verdict->chain)) end_ = End::Drop;
      if (end_) return;
      if (verdict->code == VerdictCode::Jump || verdict->code == VerdictCode::Goto) chain(verdict->chain);
      if (end_ || verdict->code == VerdictCode::Goto || verdict->code == VerdictCode::Return) return;
    }
  }

  std::optional<Verdict> rule(const Rule& rule) {
    for (const Expression& expression : rule.expressions) {
      if (const auto* immediate = std::get_if<expr::Immediate>(&expression)) return immediate->verdict;
      if (std::holds_alternative<expr::Reject>(expression)) {
        end_ = End::Reject;
        return std::nullopt;
      }
      if (!std::visit([this](const auto& what) { return this->step(what); }, expression)) return std::nullopt;
    }
    return std::nullopt;
  }

  bool step(const expr::MetaLoad& e) {
    const auto name = [&](const std::string& text) { put(e.to, Bytes(text.begin(), text.end()), 16); };
    switch (e.key) {
      case MetaKey::InterfaceIn:
        name(packet_->in);
        return true;
      case MetaKey::InterfaceOut:
        name(packet_->out);
        return true;
      case MetaKey::L4Proto:
        put(e.to, {packet_->l4proto}, 1);
        return true;
      case MetaKey::Mark:
        std::memcpy(at(e.to), &packet_->mark, 4);
        return true;
      default:
        ADD_FAILURE() << "a load that a program has no use for";
        return false;
    }
  }
  bool step(const expr::MetaSetMark& e) {
    std::memcpy(&packet_->mark, at(e.from), 4);
    return true;
  }
  bool step(const expr::CtLoad& e) {
    if (e.key == CtKey::State)
      std::memcpy(at(e.to), &packet_->ct_state, 4);
    else
      put(e.to, {packet_->ct_direction}, 1);
    return true;
  }
  bool step(const expr::Payload& e) {
    const Bytes& from = e.base == PayloadBase::Link      ? packet_->link
                        : e.base == PayloadBase::Network ? packet_->network
                                                         : packet_->transport;
    if (e.offset + e.length > from.size()) return false;
    const auto first = from.begin() + static_cast<std::ptrdiff_t>(e.offset);
    put(e.to, Bytes(first, first + static_cast<std::ptrdiff_t>(e.length)), e.length);
    return true;
  }
  bool step(const expr::TcpOptionExists& e) {
    const auto& options = packet_->tcp_options;
    put(e.to, {static_cast<std::uint8_t>(std::count(options.begin(), options.end(), e.kind) > 0)}, 1);
    return true;
  }
  bool step(const expr::Bitwise& e) {
    EXPECT_EQ(e.mask.size(), e.exclusive_or.size());
    for (std::size_t i = 0; i < e.mask.size(); ++i)
      at(e.to)[i] = static_cast<std::uint8_t>((at(e.from)[i] & e.mask[i]) ^ e.exclusive_or[i]);
    return true;
  }
  bool step(const expr::Compare& e) {
    const bool equal = std::memcmp(at(e.from), e.data.data(), e.data.size()) == 0;
    EXPECT_TRUE(e.op == CompareOp::Equal || e.op == CompareOp::NotEqual);
    return equal == (e.op == CompareOp::Equal);
  }
  bool step(const expr::Range& e) {
    const Bytes value(at(e.from), at(e.from) + e.low.size());
    return (e.low <= value && value <= e.high) == e.inside;
  }
  bool step(const expr::Lookup& e) { return elements[e.set].contains(key(e.set, e.from)) != e.inverted; }
  bool step(const expr::DynamicSet& e) {
    const Set* set = find_set(program_, e.set);
    EXPECT_TRUE(set != nullptr && set->dynamic) << e.set;
    if (e.op == expr::DynamicSet::Op::Delete) {
      elements[e.set].erase(key(e.set, e.from));
      return true;
    }
    elements[e.set].insert(key(e.set, e.from));
    return !e.connlimit || packet_->connections > e.connlimit_over;
  }
  bool step(const expr::Counter&) { return true; }
  bool step(const expr::ImmediateData& e) {
    put(e.to, e.data, e.data.size());
    return true;
  }
  // run by rule()
  bool step(const expr::Reject&) { return false; }
  bool step(const expr::Immediate&) { return false; }
  // of networks only
  bool step(const expr::FibAddressType&) { return false; }
  bool step(const expr::Masquerade&) { return false; }
  bool step(const expr::Nat&) { return false; }

  const LoweredProgram& program_;
  std::size_t flow_;
  std::array<std::uint8_t, 64> registers_{};
  Packet* packet_ = nullptr;
  std::optional<End> end_;
};

End judge(const LoweredProgram& program, std::size_t flow, Packet packet) { return Machine(program, flow).run(packet); }

// Fields to test.

PacketField ether_source() { return packet_field(Field::SrcMac, Protocol::Mac); }
PacketField ip_source() { return packet_field(Field::SrcIp4, Protocol::All); }
const Bytes kMac = {0x52, 0x54, 0, 0, 0, 1}, kOtherMac = {0x52, 0x54, 0, 0, 0, 2};

void write(Bytes& into, const PacketField& field, const Bytes& value) {
  ASSERT_LE(field.offset + value.size(), into.size());
  std::copy(value.begin(), value.end(), into.begin() + static_cast<std::ptrdiff_t>(field.offset));
}
Packet from_mac(const Bytes& mac) {
  Packet packet;
  write(packet.link, ether_source(), mac);
  return packet;
}

// ---- Names and shape

TEST(Lower, AFlowWithoutChainsHasNoEntry) {
  const LoweredProgram program = lowered(program_of(kEtherIn, {rule_of({}, Action::Drop)}));
  for (const std::size_t flow : {kEtherOut, kInetOut, kInetIn}) EXPECT_THAT(program.entry[flow], IsEmpty()) << flow;
  EXPECT_NE(find_chain(program, program.entry[kEtherIn]), nullptr);
  EXPECT_THAT(program.chains, SizeIs(1));
}

TEST(Lower, AnEmptyProgramIsNothingInTheKernel) {
  Program program;
  program.name = program.filter = "empty";
  const LoweredProgram nothing = lowered(program);
  EXPECT_EQ(nothing.name, "empty");
  EXPECT_THAT(nothing.chains, IsEmpty());
  EXPECT_THAT(nothing.sets, IsEmpty());
  EXPECT_THAT(nothing.needs, IsEmpty());
  EXPECT_THAT(nothing.limits, IsEmpty());
  EXPECT_THAT(nothing.warnings, IsEmpty());
  EXPECT_EQ(nothing.rules, 0U);
}

TEST(Lower, EachFlowHasChainsOfItsOwn) {
  Program program;
  program.name = program.filter = "web";
  for (Flow& flow : program.flows) flow.chains.push_back({"root", std::nullopt, {{rule_of({}, Action::Drop)}}});
  const LoweredProgram all = lowered(program);
  EXPECT_THAT(all.entry, UnorderedElementsAre("web.eth-out", "web.eth-in", "web.inet-out", "web.inet-in"));
  EXPECT_EQ(all.entry[kEtherOut], "web.eth-out");
  EXPECT_EQ(all.entry[kInetIn], "web.inet-in");
  for (const std::string& entry : all.entry) EXPECT_NE(find_chain(all, entry), nullptr) << entry;
  EXPECT_EQ(all.rules, 4U);
}

// tests/peer: a chain that ebtables made accepts what comes to its end; the inet layer's chains are ours alone.
TEST(Lower, AnEthernetChainAcceptsAtItsEndAndAnInetChainDecidesNothing) {
  for (const std::size_t flow : {kEtherOut, kEtherIn, kInetOut, kInetIn}) {
    SCOPED_TRACE(flow);
    const bool inet = flow_layer(flow) == Layer::Inet;
    Program program;
    program.name = program.filter = "web";
    const auto guard = protocol_guard(Protocol::Ip);
    program.flows[flow].chains.push_back({"root", std::nullopt, {{std::size_t{1}}, {rule_of({}, Action::Drop)}}});
    program.flows[flow].chains.push_back({inet ? "ip4" : "ipv4", guard, {}});
    const LoweredProgram made = lowered(program);
    Packet guarded;
    write(guarded.link, ether_type_field(), {0x08, 0x00});
    EXPECT_EQ(judge(made, flow, guarded), inet ? End::GoesOn : End::Accept);
    EXPECT_EQ(judge(made, flow, Packet{}), End::Drop) << "the guard keeps it out";
  }
}

TEST(Lower, ReturnComesBackToTheRootChainFromItsPlaceInAnEthernetChain) {
  for (const std::size_t flow : {kEtherOut, kEtherIn}) {
    Program program;
    program.name = program.filter = "web";
    program.flows[flow].chains.push_back({"root", std::nullopt, {{std::size_t{1}}, {rule_of({}, Action::Drop)}}});
    program.flows[flow].chains.push_back({"ipv4", protocol_guard(Protocol::Ip), {{rule_of({}, Action::Return)}}});
    Packet guarded;
    write(guarded.link, ether_type_field(), {0x08, 0x00});
    EXPECT_EQ(judge(lowered(program), flow, guarded), End::Drop);
  }
}

TEST(Lower, NoEndIsWrittenThatNothingComesTo) {
  Program program;
  program.name = program.filter = "web";
  program.flows[kEtherOut].chains.push_back({"root", std::nullopt, {{std::size_t{1}}}});
  program.flows[kEtherOut].chains.push_back({"ipv4", protocol_guard(Protocol::Ip), {{rule_of({}, Action::Drop)}}});
  EXPECT_EQ(lowered(program).rules, 2U);
}

TEST(Lower, AJumpLeadsToTheChainOfItsIndexBehindItsGuard) {
  Program program;
  program.name = program.filter = "web";
  Flow& flow = program.flows[kEtherOut];
  flow.chains.push_back({"root", std::nullopt, {{std::size_t{2}}, {std::size_t{1}}}});
  flow.chains.push_back({"arp", protocol_guard(Protocol::Arp), {{rule_of({}, Action::Drop)}}});
  flow.chains.push_back({"ipv4", protocol_guard(Protocol::Ip), {{rule_of({}, Action::Accept)}}});
  const LoweredProgram made = lowered(program);
  const auto of_type = [](const Bytes& type) {
    Packet packet;
    write(packet.link, ether_type_field(), type);
    return packet;
  };
  EXPECT_EQ(judge(made, kEtherOut, of_type({0x08, 0x00})), End::Accept);
  EXPECT_EQ(judge(made, kEtherOut, of_type({0x08, 0x06})), End::Drop);
  EXPECT_EQ(judge(made, kEtherOut, of_type({0x86, 0xdd})), End::GoesOn);
}

TEST(Lower, RulesAreCountedOverAllChains) {
  Program program = program_of(kEtherOut, {rule_of({}, Action::Drop), rule_of({}, Action::Accept)});
  program.flows[kEtherIn] = program.flows[kEtherOut];
  const LoweredProgram made = lowered(program);
  std::size_t rules = 0;
  for (const Chain& chain : made.chains) rules += chain.rules.size();
  EXPECT_EQ(rules, 4U);
  EXPECT_EQ(made.rules, rules);
}

std::vector<std::string> odd_names() {
  std::vector<std::string> names = {"clean-traffic", "a_b",        "a b",  "a/b", "a.b", "Web2",
                                    "1st",           "-x",         "_x",   ".x",  "x;y", "@set",
                                    "ünïcode",       "\"quoted\"", "a\nb", "$x",  "a{}b"};
  for (const std::size_t length : {100U, 101U, 102U, 300U}) names.emplace_back(length, 'n');
  return names;
}

TEST(Lower, NamesInTheKernelCanBeReadBackByNft) {
  // nftables: src/scanner.l, what may be a string without quotes; linux/netfilter/nf_tables.h: names have 255 bytes
  const std::regex readable("[A-Za-z][A-Za-z0-9_.-]*");
  for (const std::string& name : odd_names()) {
    SCOPED_TRACE(name);
    Program program = program_of(kEtherOut, {rule_of({}, Action::Drop)});
    program.flows[kInetIn] =
        program_of(kInetIn, {rule_of({test::ConnectionLimit{1, false}}, Action::Drop)}).flows[kInetIn];
    program.name = program.filter = name;
    const LoweredProgram made = lowered(program);
    EXPECT_EQ(made.name, name) << "the program is still called as the filter is";
    std::vector<std::string> all = {made.ports};
    for (const Chain& chain : made.chains) all.push_back(chain.name);
    for (const Set& set : made.sets) all.push_back(set.name);
    EXPECT_THAT(all, SizeIs(5));
    for (const std::string& each : all) {
      EXPECT_TRUE(std::regex_match(each, readable)) << each;
      EXPECT_LE(each.size(), 255U);
    }
  }
}

TEST(Lower, DifferentFiltersNeverShareNames) {
  std::map<std::string, std::string> owner;
  for (const std::string& name : odd_names()) {
    Program program = program_of(kEtherOut, {rule_of({}, Action::Drop)});
    program.name = program.filter = name;
    const LoweredProgram made = lowered(program);
    for (const std::string& each : {made.ports, made.entry[kEtherOut]}) {
      const auto [other, added] = owner.emplace(each, name);
      EXPECT_TRUE(added) << each << " is of " << other->second << " and of " << name;
    }
  }
}

TEST(Lower, APlainNameIsUsedAsItIs) {
  for (const std::string name : {"clean-traffic", "no_spoof.2", "Web"}) {
    Program program = program_of(kEtherOut, {rule_of({}, Action::Drop)});
    program.name = program.filter = name;
    const LoweredProgram made = lowered(program);
    EXPECT_EQ(made.entry[kEtherOut], name + ".eth-out");
    EXPECT_EQ(made.ports, "ports." + name);
  }
}

TEST(Lower, CommentsSayWhereARuleIsFromAndFitIntoTheKernel) {
  const std::string long_name(300, 'n');
  Program program = program_of(kEtherOut, {rule_of({}, Action::Drop, long_name + " rule 1 line 2"),
                                           rule_of({}, Action::Accept, "web rule 2 line 3")});
  program.flows[kEtherOut].chains.push_back({"mac-" + std::string(200, 'c'), std::nullopt, {}});
  program.flows[kEtherOut].chains[0].entries.push_back({std::size_t{1}});
  program.flows[kInetOut] =
      program_of(kInetOut, {rule_of({test::ConnectionLimit{1, false}}, Action::Drop, long_name)}).flows[kInetOut];
  program.filter = long_name;
  const LoweredProgram made = lowered(program);
  for (const Chain& chain : made.chains) {
    EXPECT_LE(chain.comment.size(), kMaxComment) << chain.name;
    EXPECT_THAT(chain.comment, HasSubstr("nnn"));
    for (const Rule& rule : chain.rules) EXPECT_LE(rule.comment.size(), kMaxComment) << chain.name;
  }
  for (const Set& set : made.sets) EXPECT_LE(set.comment.size(), kMaxComment) << set.name;
  const Chain* chain = find_chain(made, made.entry[kEtherOut]);
  ASSERT_NE(chain, nullptr);
  EXPECT_THAT(chain->rules[0].comment, StartsWith("nnnnn"));
  EXPECT_EQ(chain->rules[1].comment, "web rule 2 line 3");
}

TEST(Lower, EveryChainWithRulesIsSealed) {
  Program program = program_of(kInetOut, {rule_of({}, Action::Drop)});
  program.flows[kEtherIn] = program_of(kEtherIn, {rule_of({}, Action::Accept)}).flows[kEtherIn];
  for (const Chain& chain : lowered(program).chains) EXPECT_THAT(sealed_fingerprint(chain), SizeIs(16)) << chain.name;
}

// ---- Verdicts

TEST(Lower, ActionsAreVerdicts) {
  struct Case {
    Action action;
    End end;
  };
  for (const std::size_t flow : {kEtherOut, kEtherIn, kInetOut, kInetIn})
    for (const auto& [action, end] : std::vector<Case>{{Action::Accept, End::Accept}, {Action::Drop, End::Drop}})
      for (const Capabilities& capabilities : {native(), by_mark(), bare()}) {
        const LoweredProgram made = lowered(program_of(flow, {rule_of({}, action)}), capabilities);
        EXPECT_EQ(judge(made, flow, {}), end) << flow << " " << action_name(action);
        EXPECT_THAT(made.warnings, IsEmpty());
        EXPECT_THAT(needs_beside_drops(made), IsEmpty());
      }
}

TEST(Lower, AnIpsetIsRefusedByName) {
  const auto made =
      lower(program_of(kInetIn, {rule_of({test::Ipset{"blocked", {false}, false}}, Action::Drop)}), native(), {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::Unsupported);
  EXPECT_THAT(made.error().message, ::testing::HasSubstr("'blocked'"));
}

TEST(Lower, ReturnLeavesTheChainAndContinueDoesNot) {
  for (const std::size_t flow : {kEtherOut, kEtherIn, kInetOut, kInetIn}) {
    const auto with = [&](Action first) {
      return lowered(program_of(flow, {rule_of({}, first), rule_of({}, Action::Drop)}));
    };
    EXPECT_EQ(judge(with(Action::Return), flow, {}), End::GoesOn) << flow;
    EXPECT_EQ(judge(with(Action::Continue), flow, {}), End::Drop) << flow;
  }
}

TEST(Lower, TheFirstRuleThatMatchesDecides) {
  const test::Compare is_mac{ether_source(), kMac, false};
  const LoweredProgram made =
      lowered(program_of(kEtherOut, {rule_of({is_mac}, Action::Accept), rule_of({}, Action::Drop)}));
  EXPECT_EQ(judge(made, kEtherOut, from_mac(kMac)), End::Accept);
  EXPECT_EQ(judge(made, kEtherOut, from_mac(kOtherMac)), End::Drop);
}

// As in libvirt, the ethernet layer knows no reject.
TEST(Lower, RejectInTheEthernetLayerIsADrop) {
  for (const std::size_t flow : {kEtherOut, kEtherIn})
    for (const Capabilities& capabilities : {native(), by_mark(), bare()}) {
      const LoweredProgram made = lowered(program_of(flow, {rule_of({}, Action::Reject)}), capabilities);
      Packet packet;
      EXPECT_EQ(Machine(made, flow).run(packet), End::Drop);
      EXPECT_TRUE(made.drops.contains(packet.mark)) << "the rule that it is counted under";
      EXPECT_THAT(made.warnings, IsEmpty());
      EXPECT_THAT(needs_beside_drops(made), IsEmpty());
    }
}

TEST(Lower, RejectInTheInetLayerIsTheBestTheKernelHas) {
  enum class How { Itself, Mark, Drop };
  struct Case {
    std::string name;
    std::size_t flow;
    bool ipv6;
    Capabilities capabilities;
    How how;
  };
  const std::vector<Case> cases = {
      {"out, native", kInetOut, false, native(), How::Itself},
      {"out, native before mark", kInetOut, false, capable(true, true, true, true), How::Itself},
      {"out, mark", kInetOut, false, by_mark(), How::Mark},
      {"out, mark, ipv6", kInetOut, true, by_mark(), How::Mark},
      {"out, other IP version's mark", kInetOut, false, capable(false, false, false, true), How::Drop},
      {"out, other IP version's mark, ipv6", kInetOut, true, capable(false, false, true, false), How::Drop},
      {"out, nothing", kInetOut, false, bare(), How::Drop},
      // The bridge family rejects in prerouting only, which packets to the guest are past.
      {"in, native", kInetIn, false, native(), How::Drop},
      {"in, mark", kInetIn, false, capable(true, true, true, true), How::Mark},
      {"in, mark, ipv6", kInetIn, true, by_mark(), How::Mark},
      {"in, nothing", kInetIn, true, bare(), How::Drop},
  };
  for (const Case& given : cases)
    for (const unsigned shift : {0U, 24U}) {
      SCOPED_TRACE(given.name);
      LowerOptions options;
      options.mark.shift = shift;
      const LoweredProgram made =
          lowered(program_of(given.flow, {rule_of({}, Action::Reject), rule_of({}, Action::Drop)}, given.ipv6),
                  given.capabilities, options);
      Packet packet;
      const End end = Machine(made, given.flow).run(packet);
      switch (given.how) {
        case How::Itself:
          EXPECT_EQ(end, End::Reject);
          break;
        case How::Mark:
          EXPECT_EQ(end, End::Accept) << "it has to get as far as the inet hook that rejects";
          EXPECT_EQ(packet.mark, options.mark.reject());
          break;
        case How::Drop:
          EXPECT_EQ(end, End::Drop);
          break;
      }
      if (given.how == How::Mark)
        EXPECT_THAT(needs_beside_drops(made), ElementsAre(Need::RejectMark));
      else
        EXPECT_THAT(needs_beside_drops(made), IsEmpty());
      if (given.how == How::Drop) {
        ASSERT_THAT(made.warnings, SizeIs(1));
        EXPECT_THAT(made.warnings[0].message, AllOf(HasSubstr("web rule 1 line 2"), HasSubstr("reject")));
        EXPECT_THAT(made.warnings[0].remedy, HasSubstr("br_netfilter"));
        EXPECT_EQ(made.warnings[0].where, (Source{"web.xml", 2, 3}));
      } else {
        EXPECT_THAT(made.warnings, IsEmpty());
      }
    }
}

TEST(Lower, ARejectMarkKeepsTheOtherBitsOfTheMark) {
  const LoweredProgram made = lowered(program_of(kInetOut, {rule_of({}, Action::Reject)}), by_mark());
  Packet packet;
  packet.mark = 0x13345678;
  Machine(made, kInetOut).run(packet);
  EXPECT_EQ(packet.mark, 0x13345678 | MarkBits{}.reject());
}

// ---- Tests of packets

TEST(Lower, AComparisonIsOfTheFieldsBytes) {
  struct Case {
    std::string name;
    test::Compare test;
    Packet yes, no;
  };
  Packet tcp, udp;
  tcp.l4proto = 6;
  udp.l4proto = 17;
  PacketField prefix = ether_source();
  prefix.mask = {0xff, 0xff, 0xff, 0, 0, 0};
  Packet flags, other_flags;
  PacketField flag_byte = packet_field(Field::TcpFlags, Protocol::Tcp);
  flag_byte.mask = {0x12};
  write(flags.transport, flag_byte, {0xc2});
  write(other_flags.transport, flag_byte, {0x12});
  const std::vector<Case> cases = {
      {"an address", {ether_source(), kMac, false}, from_mac(kMac), from_mac(kOtherMac)},
      {"a masked address",
       {prefix, {0x52, 0x54, 0, 0, 0, 0}, false},
       from_mac(kOtherMac),
       from_mac({2, 0, 0, 0, 0, 1})},
      {"the transport protocol", {l4proto_field(), {6}, false}, tcp, udp},
      {"bits of a byte", {flag_byte, {0x02}, false}, flags, other_flags},
  };
  for (const Case& given : cases)
    for (const bool negated : {false, true})
      for (const std::size_t flow : {kEtherOut, kEtherIn, kInetOut, kInetIn}) {
        SCOPED_TRACE(given.name);
        test::Compare test = given.test;
        test.negated = negated;
        const LoweredProgram made = lowered(program_of(flow, {rule_of({test}, Action::Drop)}));
        EXPECT_EQ(judge(made, flow, given.yes), negated ? End::GoesOn : End::Drop);
        EXPECT_EQ(judge(made, flow, given.no), negated ? End::Drop : End::GoesOn);
      }
}

TEST(Lower, ARangeHasBothItsEnds) {
  const PacketField port = packet_field(Field::DstPortStart, Protocol::Tcp);
  for (const bool negated : {false, true}) {
    const LoweredProgram made = lowered(program_of(
        kInetOut, {rule_of({test::Range{port, to_bytes(200, 2), to_bytes(300, 2), negated}}, Action::Drop)}));
    for (const auto& [number, inside] : std::vector<std::pair<unsigned, bool>>{
             {199, false}, {200, true}, {256, true}, {300, true}, {301, false}, {0, false}, {65535, false}}) {
      Packet packet;
      write(packet.transport, port, to_bytes(number, 2));
      EXPECT_EQ(judge(made, kInetOut, packet), inside != negated ? End::Drop : End::GoesOn) << number;
    }
  }
}

TEST(Lower, ATcpOptionIsThereOrNot) {
  for (const bool negated : {false, true}) {
    const LoweredProgram made = lowered(program_of(kInetOut, {rule_of({test::TcpOption{3, negated}}, Action::Drop)}));
    Packet with, without;
    with.tcp_options = {2, 3};
    without.tcp_options = {2};
    EXPECT_EQ(judge(made, kInetOut, with), negated ? End::GoesOn : End::Drop);
    EXPECT_EQ(judge(made, kInetOut, without), negated ? End::Drop : End::GoesOn);
  }
}

TEST(Lower, AllTestsOfARuleHaveToHold) {
  const PacketField port = packet_field(Field::DstPortStart, Protocol::Tcp);
  const LoweredProgram made = lowered(
      program_of(kInetOut, {rule_of({test::Compare{l4proto_field(), {6}, false}, test::Compare{port, {0, 80}, false},
                                     test::Compare{ether_source(), kMac, false}},
                                    Action::Drop)}));
  for (unsigned bad = 0; bad < 8; ++bad) {
    Packet packet = from_mac((bad & 1) != 0 ? kOtherMac : kMac);
    write(packet.transport, port, {0, static_cast<std::uint8_t>((bad & 2) != 0 ? 81 : 80)});
    packet.l4proto = (bad & 4) != 0 ? 17 : 6;
    EXPECT_EQ(judge(made, kInetOut, packet), bad == 0 ? End::Drop : End::GoesOn) << bad;
  }
}

// ---- Values of ports

ValueSet mac_values() {
  return {{{{"MAC", VariableRef::Access::Iterator, 0}, ValueKind::MacAddress, {KeyType::EtherAddr, 6}, {}}}};
}
ValueSet mac_and_ip_values() {
  ValueSet set = mac_values();
  set.columns.push_back({{"IP", VariableRef::Access::Iterator, 0}, ValueKind::Ipv4Address, {KeyType::Ipv4Addr, 4}, {}});
  return set;
}

std::set<Bytes> elements_for(const ValueSet& set, const std::string& port, const Variables& variables) {
  const auto made = elements_of(set, *PortName::parse(port), variables);
  if (!made) throw std::logic_error(describe(made.error()));
  std::set<Bytes> keys;
  for (const Element& element : *made) keys.insert(element.key);
  return keys;
}

TEST(Lower, AValueIsLookedUpUnderThePortItBelongsTo) {
  struct Case {
    std::size_t flow;
    std::string in, out;
    bool ours;
  };
  for (const bool negated : {false, true}) {
    for (const auto& [flow, in, out, ours] : std::vector<Case>{{kEtherOut, "vnet0", "eth0", true},
                                                               {kEtherOut, "eth0", "vnet0", false},
                                                               {kEtherIn, "eth0", "vnet0", true},
                                                               {kEtherIn, "vnet0", "eth0", false},
                                                               {kInetOut, "vnet0", "eth0", true},
                                                               {kInetIn, "eth0", "vnet0", true},
                                                               {kInetIn, "vnet0", "eth0", false}}) {
      SCOPED_TRACE(fmt::format("flow {} {} to {}", flow, in, out));
      const LoweredProgram made =
          lowered(program_of(flow, {rule_of({test::Member{{ether_source()}, mac_values(), negated}}, Action::Drop)}));
      for (const Bytes& mac : {kMac, kOtherMac}) {
        Machine machine(made, flow);
        machine.elements[mac_values().name()] = elements_for(mac_values(), "vnet0", {{"MAC", {"52:54:00:00:00:01"}}});
        Packet packet = from_mac(mac);
        packet.in = in;
        packet.out = out;
        EXPECT_EQ(machine.run(packet), (ours && mac == kMac) != negated ? End::Drop : End::GoesOn);
      }
    }
  }
}

TEST(Lower, ValuesOfOneTupleGoTogether) {
  const LoweredProgram made = lowered(program_of(
      kEtherOut, {rule_of({test::Member{{ether_source(), ip_source()}, mac_and_ip_values(), false}}, Action::Drop)}));
  Machine machine(made, kEtherOut);
  machine.elements[mac_and_ip_values().name()] =
      elements_for(mac_and_ip_values(), "vnet0",
                   {{"MAC", {"52:54:00:00:00:01", "52:54:00:00:00:02"}}, {"IP", {"192.0.2.1", "192.0.2.2"}}});
  for (const std::uint8_t mac : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{3}})
    for (const std::uint8_t ip : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{3}}) {
      Packet packet = from_mac({0x52, 0x54, 0, 0, 0, mac});
      write(packet.network, ip_source(), {192, 0, 2, ip});
      EXPECT_EQ(machine.run(packet), mac == ip && mac < 3 ? End::Drop : End::GoesOn) << int{mac} << " " << int{ip};
    }
}

TEST(Lower, AMaskedFieldMeetsMaskedValues) {
  ValueSet set{
      {{{"IP", VariableRef::Access::Iterator, 0}, ValueKind::Ipv4Address, {KeyType::Ipv4Addr, 4}, {255, 255, 255, 0}}}};
  PacketField field = ip_source();
  field.mask = {255, 255, 255, 0};
  const LoweredProgram made =
      lowered(program_of(kEtherOut, {rule_of({test::Member{{field}, set, false}}, Action::Drop)}));
  Machine machine(made, kEtherOut);
  machine.elements[set.name()] = elements_for(set, "vnet0", {{"IP", {"192.0.2.77"}}});
  Packet near, far;
  write(near.network, ip_source(), {192, 0, 2, 5});
  write(far.network, ip_source(), {192, 0, 3, 77});
  EXPECT_EQ(machine.run(near), End::Drop);
  EXPECT_EQ(machine.run(far), End::GoesOn);
}

// An earlier test may leave anything behind it.
TEST(Lower, AShortFieldsPaddingIsOfNoAccount) {
  ValueSet set{{{{"PORT", VariableRef::Access::Iterator, 0}, ValueKind::Uint16, {KeyType::InetService, 2}, {}}}};
  const PacketField port = packet_field(Field::DstPortStart, Protocol::Tcp);
  const PacketField ip6 = packet_field(Field::SrcIp6, Protocol::AllIpv6);
  const LoweredProgram made = lowered(program_of(
      kInetOut, {rule_of({test::Compare{ip6, Bytes(16, 0xff), false}, test::Member{{port}, set, false}}, Action::Drop)},
      true));
  Machine machine(made, kInetOut);
  machine.elements[set.name()] = elements_for(set, "vnet0", {{"PORT", {"80"}}});
  Packet packet;
  write(packet.link, ether_type_field(), {0x86, 0xdd});
  write(packet.network, ip6, Bytes(16, 0xff));
  write(packet.transport, port, {0, 80});
  EXPECT_EQ(machine.run(packet), End::Drop);
}

TEST(Lower, TheProgramBringsTheSetsItsRulesLookUp) {
  const LoweredProgram made = lowered(program_of(
      kEtherOut, {rule_of({test::Member{{ether_source()}, mac_values(), false}}, Action::Accept),
                  rule_of({test::Member{{ether_source(), ip_source()}, mac_and_ip_values(), false}}, Action::Drop)}));
  ASSERT_THAT(made.sets, SizeIs(2));
  for (const ValueSet& wanted : {mac_values(), mac_and_ip_values()}) {
    const Set* set = find_set(made, wanted.name());
    ASSERT_NE(set, nullptr) << wanted.name();
    EXPECT_EQ(set->key, wanted.set().key);
    EXPECT_EQ(set->key.at(0), (KeyPart{KeyType::IfName, PortName::kSize}));
    EXPECT_FALSE(set->dynamic);
    EXPECT_FALSE(set->verdict_map);
  }
}

// ---- Connection state

const test::Connection kReplies{kConnEstablished, ConnDirection::Reply};

TEST(Lower, ConnectionStateComesFromTheBridgeWhereItHasIt) {
  for (const bool ipv6 : {false, true}) {
    const LoweredProgram made = lowered(program_of(kInetIn, {rule_of({kReplies}, Action::Accept)}, ipv6), native());
    EXPECT_THAT(made.needs, IsEmpty());
    Packet packet;
    packet.ct_state = kCtStateEstablished;
    packet.ct_direction = 1;
    EXPECT_EQ(judge(made, kInetIn, packet), End::Accept);
    packet.ct_direction = 0;
    EXPECT_EQ(judge(made, kInetIn, packet), End::GoesOn);
    packet.ct_state = kCtStateNew;
    EXPECT_EQ(judge(made, kInetIn, packet), End::GoesOn);
  }
}

TEST(Lower, ConnectionStateComesFromTheMarkWhereTheBridgeHasNone) {
  for (const unsigned shift : {0U, 8U, 24U})
    for (const bool ipv6 : {false, true}) {
      LowerOptions options;
      options.mark.shift = shift;
      const test::Connection any{kConnNew | kConnEstablished | kConnRelated, ConnDirection::Any};
      const LoweredProgram made =
          lowered(program_of(kInetIn, {rule_of({any}, Action::Accept)}, ipv6), by_mark(), options);
      EXPECT_THAT(made.needs, ElementsAre(Need::StateMark));
      for (const auto& [code, passes] : std::vector<std::pair<StateCode, bool>>{{StateCode::None, false},
                                                                                {StateCode::Invalid, false},
                                                                                {StateCode::New, true},
                                                                                {StateCode::EstablishedOriginal, true},
                                                                                {StateCode::RelatedOriginal, true},
                                                                                {StateCode::RelatedReply, true},
                                                                                {StateCode::Untracked, false},
                                                                                {StateCode::EstablishedReply, true}}) {
        Packet packet;
        packet.mark = static_cast<std::uint32_t>(code) << shift;
        EXPECT_EQ(judge(made, kInetIn, packet), passes ? End::Accept : End::GoesOn) << static_cast<int>(code);
      }
    }
}

TEST(Lower, ARuleWrittenSeveralTimesKeepsItsOtherTests) {
  const test::Connection any{kConnNew | kConnEstablished | kConnRelated, ConnDirection::Any};
  const LoweredProgram made = lowered(
      program_of(kInetOut, {rule_of({test::Compare{l4proto_field(), {17}, false}, any}, Action::Accept)}), by_mark());
  for (unsigned code = 0; code < 8; ++code) {
    Packet packet;
    packet.mark = code << 24U;
    packet.l4proto = 6;
    EXPECT_EQ(judge(made, kInetOut, packet), End::GoesOn) << code;
  }
  const Chain* chain = find_chain(made, "web.inet-out.ip4");
  ASSERT_NE(chain, nullptr);
  EXPECT_GT(chain->rules.size(), 1U);
  for (const Rule& each : chain->rules) EXPECT_THAT(each.comment, StartsWith("web rule 1 line 2"));
}

TEST(Lower, AStateThatCannotBeNeverMatches) {
  for (const Capabilities& capabilities : {native(), by_mark()}) {
    const LoweredProgram made =
        lowered(program_of(kInetOut, {rule_of({test::Connection{0, ConnDirection::Any}}, Action::Drop)}), capabilities);
    for (unsigned code = 0; code < 8; ++code) {
      Packet packet;
      packet.mark = code << 24U;
      packet.ct_state = kCtStateEstablished;
      EXPECT_EQ(judge(made, kInetOut, packet), End::GoesOn) << code;
    }
  }
}

TEST(Lower, StateThatTheKernelCannotKnowIsAnErrorThatNamesTheRuleAndTheWayOut) {
  struct Case {
    std::string name;
    Capabilities capabilities;
    bool ipv6;
    std::string version, setting;
  };
  const std::vector<Case> cases = {
      {"nothing", bare(), false, "IPv4", "net.bridge.bridge-nf-call-iptables=1"},
      {"nothing, ipv6", bare(), true, "IPv6", "net.bridge.bridge-nf-call-ip6tables=1"},
      {"IPv6 only", capable(false, false, false, true), false, "IPv4", "net.bridge.bridge-nf-call-iptables=1"},
      {"IPv4 only", capable(false, false, true, false), true, "IPv6", "net.bridge.bridge-nf-call-ip6tables=1"},
      {"not known", Capabilities{}, false, "IPv4", "net.bridge.bridge-nf-call-iptables=1"},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.name);
    const auto made = lower(program_of(kInetIn,
                                       {rule_of({}, Action::Accept, "web rule 1 line 2"),
                                        rule_of({kReplies}, Action::Accept, "web rule 2 line 9")},
                                       given.ipv6),
                            given.capabilities, {});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::Unsupported);
    EXPECT_THAT(made.error().message, AllOf(HasSubstr("web rule 2 line 9"), HasSubstr(given.version)));
    EXPECT_THAT(made.error().remedy, AllOf(HasSubstr("nf_conntrack_bridge"), HasSubstr("br_netfilter"),
                                           HasSubstr(given.setting), HasSubstr("statematch='false'")));
    EXPECT_EQ(made.error().where, (Source{"web.xml", 2, 3}));
  }
}

TEST(Lower, AStatelessProgramNeedsNothingOfTheKernel) {
  for (const std::size_t flow : {kEtherOut, kEtherIn, kInetOut, kInetIn})
    EXPECT_TRUE(
        lower(program_of(flow, {rule_of({test::Compare{ether_source(), kMac, false}}, Action::Drop)}), bare(), {}));
}

// ---- Connection limits

TEST(Lower, AConnectionLimitIsCountedWhereTheKernelCan) {
  enum class Where { Here, Inet, Nowhere };
  struct Case {
    std::string name;
    Action action;
    Capabilities capabilities;
    Where where;
  };
  const Capabilities conntrack_only = capable(true, false, false, false);
  const std::vector<Case> cases = {
      {"drop, native", Action::Drop, native(), Where::Here},
      {"accept, native", Action::Accept, native(), Where::Here},
      {"return, native", Action::Return, native(), Where::Here},
      {"reject, native", Action::Reject, conntrack_only, Where::Here},
      {"drop, mark", Action::Drop, by_mark(), Where::Inet},
      {"reject, mark", Action::Reject, by_mark(), Where::Inet},
      // only the inet hooks know what goes to the host itself, which libvirt counts apart
      {"drop, both", Action::Drop, capable(true, true, true, true), Where::Inet},
      {"accept, both", Action::Accept, capable(true, true, true, true), Where::Here},
      {"accept, mark", Action::Accept, by_mark(), Where::Nowhere},
      {"return, mark", Action::Return, by_mark(), Where::Nowhere},
      {"drop, nothing", Action::Drop, bare(), Where::Nowhere},
      {"accept, nothing", Action::Accept, bare(), Where::Nowhere},
  };
  for (const Case& given : cases)
    for (const bool ipv6 : {false, true}) {
      SCOPED_TRACE(given.name);
      const auto made = lower(program_of(kInetOut, {rule_of({test::ConnectionLimit{5, false}}, given.action)}, ipv6),
                              given.capabilities, {});
      if (given.where == Where::Nowhere) {
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().kind, ErrorKind::Unsupported);
        EXPECT_THAT(made.error().message, HasSubstr("web rule 1 line 2"));
        EXPECT_THAT(made.error().remedy, Not(IsEmpty()));
        EXPECT_EQ(made.error().where, (Source{"web.xml", 2, 3}));
        continue;
      }
      ASSERT_TRUE(made) << describe(made.error());
      Packet few, many;
      few.connections = 5;
      many.connections = 6;
      const MarkBits bits;
      if (given.where == Where::Inet) {
        const MarkedLimit limit{5, given.action == Action::Reject};
        EXPECT_THAT(made->limits, ElementsAre(limit));
        EXPECT_THAT(made->sets, IsEmpty());
        EXPECT_EQ(Machine(*made, kInetOut).run(many), End::GoesOn) << "the inet family counts, later";
        EXPECT_EQ(many.mark, bits.limit(limit_id(limit)));
        continue;
      }
      EXPECT_THAT(made->limits, IsEmpty());
      ASSERT_THAT(made->sets, SizeIs(1));
      EXPECT_THAT(made->sets[0].key, ElementsAre(KeyPart{KeyType::IfName, 16}, ipv6 ? KeyPart{KeyType::Ipv6Addr, 16}
                                                                                    : KeyPart{KeyType::Ipv4Addr, 4}));
      EXPECT_TRUE(made->sets[0].dynamic);
      EXPECT_EQ(judge(*made, kInetOut, few), End::GoesOn);
      const End wanted = given.action == Action::Accept   ? End::Accept
                         : given.action == Action::Return ? End::GoesOn
                                                          : End::Drop;
      EXPECT_EQ(judge(*made, kInetOut, many), wanted);
    }
}

TEST(Lower, ANativeLimitCountsForEachPortAndSourceAddress) {
  const LoweredProgram made =
      lowered(program_of(kInetOut, {rule_of({test::ConnectionLimit{5, false}}, Action::Drop)}), native());
  ASSERT_THAT(made.sets, SizeIs(1));
  Machine machine(made, kInetOut);
  for (const std::string port : {"vnet0", "vnet7"})
    for (const std::uint8_t host : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{1}}) {
      Packet packet;
      packet.in = port;
      write(packet.network, ip_source(), {192, 0, 2, host});
      machine.run(packet);
    }
  EXPECT_THAT(machine.elements[made.sets[0].name], SizeIs(4));
}

TEST(Lower, OnlyWhatCameToTheRuleIsCounted) {
  const LoweredProgram made = lowered(
      program_of(kInetOut, {rule_of({test::Compare{l4proto_field(), {6}, false}, test::ConnectionLimit{5, false}},
                                    Action::Drop)}),
      native());
  Machine machine(made, kInetOut);
  Packet udp;
  udp.l4proto = 17;
  machine.run(udp);
  for (const auto& [set, keys] : machine.elements) EXPECT_THAT(keys, IsEmpty()) << set;
}

TEST(Lower, TwoNativeLimitsAreCountedApart) {
  const LoweredProgram made = lowered(program_of(kInetOut, {rule_of({test::ConnectionLimit{5, false}}, Action::Drop),
                                                            rule_of({test::ConnectionLimit{9, false}}, Action::Drop)}),
                                      native());
  ASSERT_THAT(made.sets, SizeIs(2));
  EXPECT_NE(made.sets[0].name, made.sets[1].name);
}

TEST(Lower, ANegatedLimitIsRefusedByName) {
  for (const Capabilities& capabilities : {native(), by_mark()}) {
    const auto made =
        lower(program_of(kInetOut, {rule_of({test::ConnectionLimit{5, true}}, Action::Drop)}), capabilities, {});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::Unsupported);
    EXPECT_THAT(made.error().message, AllOf(HasSubstr("web rule 1 line 2"), HasSubstr("match='no'")));
    EXPECT_THAT(made.error().remedy, HasSubstr("match='no'"));
  }
}

TEST(Lower, ALimitsIdDependsOnTheLimitAloneAndFitsIntoTheMark) {
  for (unsigned above = 0; above <= 65535; ++above)
    for (const bool reject : {false, true}) {
      const unsigned id = limit_id({static_cast<std::uint16_t>(above), reject});
      ASSERT_GE(id, 1U) << above;
      ASSERT_LE(id, kMaxMarkedLimits) << above;
    }
  EXPECT_NE(limit_id({5, false}), limit_id({6, false}));
  EXPECT_NE(limit_id({5, false}), limit_id({5, true}));
}

// ---- Gratuitous ARP

Packet arp(const Bytes& sender, const Bytes& target) {
  Packet packet;
  write(packet.link, ether_type_field(), {0x08, 0x06});
  write(packet.network, packet_field(Field::ArpSrcMac, Protocol::Arp), kMac);
  write(packet.network, packet_field(Field::ArpSrcIp, Protocol::Arp), sender);
  write(packet.network, packet_field(Field::ArpDstIp, Protocol::Arp), target);
  return packet;
}

TEST(Lower, GratuitousArpIsOneWhoseAddressesAreEqual) {
  const Bytes one = {192, 0, 2, 1}, two = {192, 0, 2, 2};
  for (const std::size_t flow : {kEtherOut, kEtherIn})
    for (const bool negated : {false, true})
      for (const auto& [action, end] :
           std::vector<std::pair<Action, End>>{{Action::Drop, End::Drop}, {Action::Accept, End::Accept}}) {
        const LoweredProgram made = lowered(
            program_of(flow, {rule_of({*protocol_guard(Protocol::Arp), test::GratuitousArp{negated}}, action)}));
        Machine machine(made, flow);
        // In any order: no packet may leave behind what another one would find.
        for (const auto& [sender, target] : std::vector<std::pair<Bytes, Bytes>>{
                 {one, two}, {two, one}, {one, one}, {two, two}, {one, two}, {two, one}, {one, one}}) {
          Packet packet = arp(sender, target);
          EXPECT_EQ(machine.run(packet), (sender == target) != negated ? end : End::GoesOn)
              << int{sender[3]} << " " << int{target[3]} << " flow " << flow << " negated " << negated;
          for (const auto& [set, keys] : machine.elements) EXPECT_THAT(keys, IsEmpty()) << set;
        }
      }
}

TEST(Lower, GratuitousArpKeepsItsPairsForNoLongerThanAPacket) {
  const LoweredProgram made = lowered(
      program_of(kEtherOut, {rule_of({*protocol_guard(Protocol::Arp), test::GratuitousArp{false}}, Action::Drop)}));
  ASSERT_THAT(made.sets, SizeIs(1));
  EXPECT_TRUE(made.sets[0].dynamic);
  EXPECT_GT(made.sets[0].timeout_seconds, 0U) << "should a packet be lost half way";
  EXPECT_EQ(made.sets[0].key.at(0), (KeyPart{KeyType::IfName, 16}));
}

TEST(Lower, OtherPacketsLeaveTheArpPairsAlone) {
  const LoweredProgram made = lowered(
      program_of(kEtherOut, {rule_of({*protocol_guard(Protocol::Arp), test::GratuitousArp{false}}, Action::Drop)}));
  Packet packet = arp({192, 0, 2, 1}, {192, 0, 2, 1});
  write(packet.link, ether_type_field(), {0x08, 0x00});
  EXPECT_EQ(judge(made, kEtherOut, packet), End::GoesOn);
}

// ---- Hash

Program with_everything() {
  Program program = program_of(
      kEtherOut,
      {rule_of({test::Compare{ether_source(), kMac, false}}, Action::Accept, "web rule 1 line 2"),
       rule_of({test::Member{{ether_source()}, mac_values(), false}}, Action::Drop, "web rule 2 line 3"),
       rule_of({*protocol_guard(Protocol::Arp), test::GratuitousArp{false}}, Action::Drop, "web rule 3 line 4")});
  program.flows[kEtherIn] = program_of(kEtherIn, {rule_of({}, Action::Return, "web rule 4 line 5")}).flows[kEtherIn];
  program.flows[kInetOut] =
      program_of(kInetOut, {rule_of({kReplies}, Action::Accept, "web rule 5 line 6"),
                            rule_of({test::ConnectionLimit{5, false}}, Action::Drop, "web rule 6 line 7")})
          .flows[kInetOut];
  program.flows[kInetIn] = program_of(kInetIn, {rule_of({}, Action::Reject, "web rule 7 line 8")}, true).flows[kInetIn];
  return program;
}

TEST(LowerHash, EqualProgramsHaveEqualHashes) {
  for (const Capabilities& capabilities : {by_mark(), capable(true, true, false, false)})
    EXPECT_EQ(lowered(with_everything(), capabilities).hash(), lowered(with_everything(), capabilities).hash());
}

/// An action that means something else for this rule, and that every kernel can do.
Action another(const ProgramRule& rule) {
  if (rule.action == Action::Reject) return Action::Accept;
  if (rule.action != Action::Drop) return Action::Drop;
  const bool limits = std::any_of(rule.tests.begin(), rule.tests.end(), [](const ProgramTest& test) {
    return std::holds_alternative<test::ConnectionLimit>(test);
  });
  return limits ? Action::Reject : Action::Accept;
}

TEST(LowerHash, ChangesWithAnyRule) {
  const std::vector<std::pair<std::string, std::function<void(ProgramRule&)>>> changes = {
      {"action", [](ProgramRule& r) { r.action = another(r); }},
      {"origin", [](ProgramRule& r) { r.origin += "0"; }},
      {"a test more",
       [](ProgramRule& r) {
         r.tests.emplace_back(test::Compare{ether_source(), kOtherMac, false});
       }},
  };
  for (const Capabilities& capabilities : {by_mark(), native()}) {
    const std::string before = lowered(with_everything(), capabilities).hash();
    const Program program = with_everything();
    for (std::size_t flow = 0; flow < kFlowCount; ++flow)
      for (std::size_t chain = 0; chain < program.flows[flow].chains.size(); ++chain)
        for (std::size_t entry = 0; entry < program.flows[flow].chains[chain].entries.size(); ++entry) {
          SCOPED_TRACE(fmt::format("flow {} chain {} entry {}", flow, chain, entry));
          auto& entries = program.flows[flow].chains[chain].entries;
          if (std::holds_alternative<ProgramRule>(entries[entry].what))
            for (const auto& [name, change] : changes) {
              Program other = program;
              change(std::get<ProgramRule>(other.flows[flow].chains[chain].entries[entry].what));
              EXPECT_NE(lowered(other, capabilities).hash(), before) << name;
            }
          Program without = program;
          auto& fewer = without.flows[flow].chains[chain].entries;
          fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(entry));
          EXPECT_NE(lowered(without, capabilities).hash(), before) << "without it";
        }
  }
}

TEST(LowerHash, ChangesWithAnythingElseTheKernelHolds) {
  const LoweredProgram base = lowered(with_everything(), by_mark());
  const std::vector<std::pair<std::string, std::function<void(LoweredProgram&)>>> changes = {
      {"name", [](LoweredProgram& p) { p.name = "other"; }},
      {"a chain's name", [](LoweredProgram& p) { p.chains[0].name += "x"; }},
      {"a chain lost", [](LoweredProgram& p) { p.chains.pop_back(); }},
      {"chains change places", [](LoweredProgram& p) { std::swap(p.chains[0].rules, p.chains[1].rules); }},
      {"a set lost", [](LoweredProgram& p) { p.sets.pop_back(); }},
      {"a set's name", [](LoweredProgram& p) { p.sets[0].name += "x"; }},
      {"a set's key", [](LoweredProgram& p) { p.sets[0].key[1].type = KeyType::Integer; }},
      {"a set's width", [](LoweredProgram& p) { p.sets[0].key[1].width = 8; }},
      {"a dynamic set", [](LoweredProgram& p) { p.sets[0].dynamic = !p.sets[0].dynamic; }},
      {"a set's timeout", [](LoweredProgram& p) { p.sets[0].timeout_seconds += 1; }},
      {"a set's size", [](LoweredProgram& p) { p.sets[0].size += 1; }},
      {"a need", [](LoweredProgram& p) { p.needs.erase(Need::StateMark); }},
      {"another need", [](LoweredProgram& p) { p.needs.erase(Need::RejectMark); }},
      {"a limit", [](LoweredProgram& p) { p.limits.clear(); }},
      {"another limit",
       [](LoweredProgram& p) {
         p.limits = {{6, false}};
       }},
      {"a limit that rejects",
       [](LoweredProgram& p) {
         p.limits = {{5, true}};
       }},
  };
  ASSERT_THAT(needs_beside_drops(base), SizeIs(2));
  ASSERT_THAT(base.limits, SizeIs(1));
  std::map<std::string, std::string> seen{{base.hash(), "unchanged"}};
  for (const auto& [name, change] : changes) {
    LoweredProgram changed = base;
    change(changed);
    const auto [other, added] = seen.emplace(changed.hash(), name);
    EXPECT_TRUE(added) << name << " is as " << other->second;
  }
}

TEST(LowerHash, TellsWhatOtherCapabilitiesAndOptionsMake) {
  LowerOptions low;
  low.mark.shift = 8;
  const std::set<std::string> hashes = {
      lowered(with_everything(), by_mark()).hash(), lowered(with_everything(), by_mark(), low).hash(),
      lowered(with_everything(), native()).hash(), lowered(with_everything(), capable(true, true, true, true)).hash()};
  EXPECT_THAT(hashes, SizeIs(4));
}

// ---- Whole filters

TEST(Lower, AFiltersProgramHoldsAllThatItsRulesUse) {
  using for_tests::reference;
  using for_tests::rule;
  const Filters filters = {
      filter("top",
             {reference("mac"), reference("arp"), reference("ip"),
              rule(Action::Accept, Direction::Out, Protocol::Tcp, {{"dstportstart", "80"}, {"srcipaddr", "$IP"}}),
              rule(Action::Accept, Direction::In, Protocol::Icmpv6),
              rule(Action::Drop, Direction::In, Protocol::Tcp, {{"connlimit-above", "3"}}),
              rule(Action::Reject, Direction::InOut, Protocol::All),
              rule(Action::Drop, Direction::InOut, Protocol::AllIpv6)}),
      filter("mac",
             {rule(Action::Return, Direction::Out, Protocol::Mac, {{"srcmacaddr", "$MAC"}}),
              rule(Action::Drop, Direction::Out, Protocol::Mac)},
             "mac"),
      filter("arp",
             {rule(Action::Drop, Direction::InOut, Protocol::Arp, {{"gratuitous", "true"}}),
              rule(Action::Drop, Direction::Out, Protocol::Arp, {{"arpsrcipaddr", "$IP"}, {"opcode", "Reply"}})},
             "arp"),
      filter("ip", {rule(Action::Return, Direction::Out, Protocol::Ip, {{"srcmacaddr", "$MAC"}, {"srcipaddr", "$IP"}})},
             "ipv4"),
  };
  const auto program = compile(filters.at("top"), filters, {{"MAC", {"52:54:00:00:00:01"}}, {"IP", {"192.0.2.1"}}});
  ASSERT_TRUE(program) << describe(program.error());
  for (const Capabilities& capabilities : {native(), by_mark(), capable(true, true, true, true)}) {
    const LoweredProgram made = lowered(*program, capabilities);
    for (const expr::Lookup& use : expressions_of<expr::Lookup>(made))
      EXPECT_NE(find_set(made, use.set), nullptr) << use.set;
    for (const expr::DynamicSet& use : expressions_of<expr::DynamicSet>(made)) {
      const Set* set = find_set(made, use.set);
      ASSERT_NE(set, nullptr) << use.set;
      EXPECT_TRUE(set->dynamic) << use.set;
    }
    for (const expr::Immediate& verdict : expressions_of<expr::Immediate>(made))
      if (!verdict.verdict.chain.empty() && !is_dropped_chain(verdict.verdict.chain)) {
        EXPECT_NE(find_chain(made, verdict.verdict.chain), nullptr) << verdict.verdict.chain;
      }
    std::set<std::string> names;
    for (const Chain& chain : made.chains) {
      EXPECT_TRUE(names.insert(chain.name).second) << "two chains named " << chain.name;
      EXPECT_FALSE(chain.base) << "a program has no hook of its own";
    }
    std::set<std::string> set_names;
    for (const Set& set : made.sets) EXPECT_TRUE(set_names.insert(set.name).second) << "two sets named " << set.name;
    for (const std::string& entry : made.entry) EXPECT_NE(find_chain(made, entry), nullptr) << entry;
  }
}

}  // namespace
}  // namespace nwf
