// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/drops.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "engine/model/rule_for_tests.h"
#include "engine/program/compile.h"
#include "engine/ruleset/dispatch.h"
#include "engine/ruleset/lower.h"

namespace nwf {
namespace {

using ::testing::HasSubstr;

using ::testing::SizeIs;

LoweredProgram web() {
  using for_tests::rule;
  auto filter = std::make_shared<Filter>();
  filter->name = "web";
  filter->entries.emplace_back(rule(Action::Accept, Direction::Out, Protocol::Arp));
  filter->entries.emplace_back(rule(Action::Drop, Direction::Out, Protocol::Ip, {{"srcipaddr", "192.0.2.1"}}));
  filter->entries.emplace_back(rule(Action::Drop, Direction::InOut, Protocol::Tcp, {{"dstportstart", "22"}}));
  const auto program = compile(filter, [](const std::string&) { return std::shared_ptr<const Filter>(); }, {});
  EXPECT_TRUE(program) << describe(program.error());
  auto lowered = lower(*program, Capabilities{}, {});
  EXPECT_TRUE(lowered) << describe(lowered.error());
  return std::move(*lowered);
}

TEST(Drops, EachDroppingRuleHasANumberOfItsOwn) {
  const LoweredProgram program = web();
  EXPECT_THAT(program.drops, SizeIs(3)) << "one of ethernet, the other in each direction of inet";
  std::set<std::size_t> flows;
  for (const auto& [number, rule] : program.drops) {
    EXPECT_EQ(number, drop_number(rule.flow, rule.origin));
    EXPECT_THAT(rule.origin, HasSubstr("web rule"));
    flows.insert(rule.flow);
  }
  EXPECT_THAT(flows, SizeIs(3));
}

TEST(Drops, ARuleSaysItsNumberAndGoesToTheChainOfItsDirection) {
  const LoweredProgram program = web();
  const std::vector<Expression> plain{expr::Immediate{{VerdictCode::Drop, {}}}};
  std::size_t found = 0;
  for (const Chain& chain : program.chains)
    for (const Rule& rule : chain.rules) {
      EXPECT_FALSE(rule.expressions.back() == plain.back()) << rule.comment << ": not counted";
      for (const auto& [number, dropping] : program.drops) {
        const auto end = count_and_drop(flow_direction(dropping.flow), number);
        if (rule.expressions.size() < end.size() ||
            !std::equal(end.begin(), end.end(), rule.expressions.end() - static_cast<std::ptrdiff_t>(end.size())))
          continue;
        ++found;
        std::vector<Expression> said(rule.expressions.begin(),
                                     rule.expressions.end() - static_cast<std::ptrdiff_t>(end.size()));
        said.push_back(plain.back());
        EXPECT_EQ(without_count(rule.expressions), said);
      }
    }
  EXPECT_EQ(found, 3U);
  EXPECT_EQ(without_count(plain), plain);
}

TEST(Drops, TheChainCountsByPortAndMarkAndDropsInAnyCase) {
  for (const auto& [direction, port] :
       {std::pair{Direction::Out, MetaKey::InterfaceIn}, std::pair{Direction::In, MetaKey::InterfaceOut}}) {
    const Chain chain = dropped_chain(direction);
    ASSERT_THAT(chain.rules, SizeIs(2));
    EXPECT_EQ(chain.rules[0].expressions,
              (std::vector<Expression>{expr::MetaLoad{port, 0}, expr::MetaLoad{MetaKey::Mark, 4},
                                       expr::DynamicSet{expr::DynamicSet::Op::Count, "drops", 0, 0, false}}));
    EXPECT_EQ(chain.rules[1].expressions, (std::vector<Expression>{expr::Immediate{{VerdictCode::Drop, {}}}}))
        << "also when the set is full, which ends the rule before";
    EXPECT_TRUE(is_dropped_chain(chain.name));
  }
  EXPECT_FALSE(is_dropped_chain("guest-out.ethernet"));
}

TEST(Drops, TheFrameHasWhatProgramsNeed) {
  const LoweredProgram program = web();
  FrameNeeds needs;
  needs.add(program, true);
  const auto made = frame(needs, Capabilities{}, {});
  ASSERT_TRUE(made);
  const Table& bridge = made->tables.at(Family::Bridge);
  EXPECT_TRUE(bridge.chains.contains("guest-out.dropped"));
  EXPECT_TRUE(bridge.chains.contains("guest-in.dropped"));
  EXPECT_TRUE(bridge.sets.contains("drops"));
}

TEST(Drops, WhoDropsNothingNeedsNothing) {
  FrameNeeds needs;
  needs.add_closed();
  const auto made = frame(needs, Capabilities{}, {});
  ASSERT_TRUE(made);
  EXPECT_FALSE(made->tables.at(Family::Bridge).sets.contains("drops"));
}

}  // namespace
}  // namespace nwf
