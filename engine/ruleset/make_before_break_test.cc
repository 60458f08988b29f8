// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/make_before_break.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/ruleset/diff.h"

namespace nwf {
namespace {

const PortName kPort = *PortName::parse("vnet0");

Bytes port_key() {
  const auto padded = kPort.padded();
  return {padded.begin(), padded.end()};
}

/// A program as its ports see it: found by a set of its own, or by the map; with values in these sets.
struct Way {
  std::string program;
  bool common = true;
  std::vector<std::string> values = {};
};

PortElements elements(const Way& way) {
  PortElements result;
  for (const std::string& name : way.values) {
    Set set;
    set.name = name;
    set.key = {{KeyType::IfName, PortName::kSize}, {KeyType::Ipv4Addr, 4}};
    Bytes key = port_key();
    key.insert(key.end(), {192, 0, 2, 1});
    result.entries.push_back({set, {{key, std::nullopt}}});
  }
  if (way.common)
    result.entries.push_back({ports_set("ports." + way.program), {{port_key(), std::nullopt}}});
  else
    result.entries.push_back({dispatch_map(0), {{port_key(), Verdict{VerdictCode::Goto, way.program}}}});
  return result;
}

Rule rule_of(const std::string& set, bool map) {
  return {{expr::MetaLoad{MetaKey::InterfaceIn, 0}, expr::Lookup{set, 0, false, map},
           expr::Immediate{{VerdictCode::Goto, map ? "" : set.substr(set.find('.') + 1)}}},
          "to " + set};
}

/// The frame and programs for these ways, in the order of their names, the map last, and no ports.
Ruleset standing(std::vector<Way> ways) {
  std::sort(ways.begin(), ways.end(), [](const Way& a, const Way& b) { return a.program < b.program; });
  Ruleset ruleset;
  Table& table = ruleset.tables.emplace(Family::Bridge, Table{Family::Bridge, {}, {}, {}}).first->second;
  Chain base{"base", BaseHook{Hook::Prerouting, -300}, {}, {}};
  bool mapped = false;
  for (const Way& way : ways) {
    table.chains.emplace(way.program,
                         Chain{way.program, std::nullopt, {{{expr::Immediate{{VerdictCode::Drop, {}}}}, "last"}}, {}});
    mapped = mapped || !way.common;
    if (!way.common) continue;
    const std::string set = "ports." + way.program;
    if (table.sets.emplace(set, ports_set(set)).second) base.rules.push_back(rule_of(set, false));
  }
  if (mapped) {
    table.sets.emplace(dispatch_map(0).name, dispatch_map(0));
    base.rules.push_back(rule_of(dispatch_map(0).name, true));
  }
  table.chains.emplace("base", base);
  return ruleset;
}

Ruleset with_port(Ruleset ruleset, const Way& way) {
  for (const auto& entry : elements(way).entries)
    ruleset.tables.at(Family::Bridge).sets.emplace(entry.set.name, entry.set);
  add_elements(elements(way), ruleset);
  return ruleset;
}

/// Where a packet comes to that entered the base chain before a transaction, and whose lookups see what is after it
/// from the `instant`-th on. "" when nothing is found, and the packet accepted.
std::string found(const Ruleset& before, const Ruleset& after, std::size_t instant) {
  const Table& old = before.tables.at(Family::Bridge);
  std::size_t lookups = 0;
  for (const Rule& rule : old.chains.at("base").rules) {
    const auto& lookup = std::get<expr::Lookup>(rule.expressions[1]);
    const Table& seen = lookups++ < instant ? old : after.tables.at(Family::Bridge);
    const auto there = seen.elements.find(lookup.set);
    if (there == seen.elements.end()) continue;
    for (const Element& element : there->second)
      if (element.key == port_key()) {
        const std::string chain =
            element.verdict ? element.verdict->chain : std::get<expr::Immediate>(rule.expressions[2]).verdict.chain;
        // Rules are those of the instant at which the packet came.
        return old.chains.contains(chain) ? chain : "";
      }
  }
  return "";
}

struct MoveCase {
  Way from, to;
  std::vector<Way> others = {};
};

class MakeBeforeBreak : public ::testing::TestWithParam<MoveCase> {
 protected:
  MakeBeforeBreak() {
    std::vector<Way> before = GetParam().others, after = before, both;
    before.push_back(GetParam().from);
    after.push_back(GetParam().to);
    both = before;
    both.push_back(GetParam().to);
    from_ = with_port(standing(before), GetParam().from);
    to_ = with_port(standing(after), GetParam().to);
    step_ = {elements(GetParam().from), elements(GetParam().to)};
    made_ = made(from_, standing(both), {step_});
    end_ = to_sweep(to_, {step_});
  }
  Ruleset from_, to_, made_, end_;
  PortStep step_;
};

TEST_P(MakeBeforeBreak, APacketOnItsWayFindsOneOfThePrograms) {
  for (std::size_t instant = 0; instant < 5; ++instant) {
    for (const std::string& chain : {found(from_, made_, instant), found(made_, end_, instant)})
      EXPECT_TRUE(chain == GetParam().from.program || chain == GetParam().to.program) << instant << ": " << chain;
    EXPECT_EQ(found(made_, made_, instant), GetParam().from.program) << "the preparation is the change";
    EXPECT_EQ(found(end_, to_, instant), GetParam().to.program) << instant;
  }
}

// Held up for longer than the preparation took.
TEST_P(MakeBeforeBreak, APacketOfBeforeThePreparationFindsOneOfTheProgramsOrHasToLeaveFirst) {
  if (is_unknown_to_packets(diff(from_, made_))) return;
  for (std::size_t instant = 0; instant < 5; ++instant) {
    const std::string chain = found(from_, end_, instant);
    EXPECT_TRUE(chain == GetParam().from.program || chain == GetParam().to.program) << instant << ": " << chain;
  }
}

TEST_P(MakeBeforeBreak, ValuesOfTheOldProgramStayUntilTheSweep) {
  for (const std::string& set : GetParam().from.values)
    EXPECT_TRUE(end_.tables.at(Family::Bridge).elements.contains(set)) << set;
  for (const std::string& set : GetParam().to.values)
    EXPECT_TRUE(made_.tables.at(Family::Bridge).elements.contains(set)) << set;
}

INSTANTIATE_TEST_SUITE_P(
    Moves, MakeBeforeBreak,
    ::testing::Values(MoveCase{{"a"}, {"b"}, {{"b"}}}, MoveCase{{"b"}, {"a"}, {{"a"}}}, MoveCase{{"a"}, {"b"}, {}},
                      MoveCase{{"b", true, {"v.x"}}, {"a", true, {"v.y"}}, {}}, MoveCase{{"m", false}, {"a"}, {{"a"}}},
                      MoveCase{{"a"}, {"m", false, {"v.y"}}, {}}, MoveCase{{"m", false}, {"n", false}, {}},
                      MoveCase{{"a"}, {"b"}, {{"a"}, {"b"}}}, MoveCase{{"b"}, {"a"}, {{"a"}, {"b"}}},
                      MoveCase{{"b"}, {"m", false}, {{"a"}, {"b"}, {"m", false}}}));

TEST(MakeBeforeBreakPorts, OnlyRulesAreUnknownToPackets) {
  const auto unknown = [](const Way& from, const Way& to, const Ruleset& stands, const Ruleset& fresh) {
    const Ruleset before = with_port(stands, from);
    return is_unknown_to_packets(diff(before, made(before, fresh, {{elements(from), elements(to)}})));
  };
  const Ruleset one = standing({{"a"}}), two = standing({{"a"}, {"b"}}), three = standing({{"a"}, {"b"}, {"m", false}});
  EXPECT_TRUE(unknown({"a"}, {"b"}, one, two)) << "a program comes";
  EXPECT_FALSE(unknown({"a"}, {"b"}, two, two)) << "looked up first where it leaves";
  EXPECT_TRUE(unknown({"b"}, {"a"}, two, two)) << "the order changes";
  EXPECT_FALSE(unknown({"b"}, {"m", false}, three, three));
}

TEST(MakeBeforeBreakPorts, InOneTransactionAPacketCouldFindNothing) {
  const Ruleset both = standing({{"a"}, {"b"}});
  EXPECT_EQ(found(with_port(both, {"b"}), with_port(both, {"a"}), 1), "");
  EXPECT_EQ(found(with_port(standing({{"a"}}), {"a"}), with_port(both, {"b"}), 0), "");
}

TEST(MakeBeforeBreakPorts, ThatAreBoundOrUnboundOrStayMoveNowhere) {
  const PortElements a = elements({"a"}), m = elements({"m", false}), n = elements({"n", false});
  EXPECT_FALSE(moves({{}, a}));
  EXPECT_FALSE(moves({a, {}}));
  EXPECT_FALSE(moves({a, a}));
  EXPECT_TRUE(moves({a, m}));
  EXPECT_TRUE(moves({m, n})) << "the element stays, the program it goes to does not";
  const Ruleset gone = standing({{"a"}});
  EXPECT_EQ(to_sweep(gone, {{elements({"a", true, {"v.x"}}), {}}}), gone);
}

}  // namespace
}  // namespace nwf
