// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/empty_chains.h"

#include <gtest/gtest.h>

#include "engine/program/optimise/implied_tests.h"
#include "engine/program/optimise/text_for_tests.h"

namespace nwf {
namespace {

using for_tests::filter;
using for_tests::kEtherIn;
using for_tests::kEtherOut;
using for_tests::kInetOut;
using for_tests::program_of;
using for_tests::reference;
using for_tests::rule;
using for_tests::text;
using for_tests::with_priority;

const FilterRule kDropAll = with_priority(rule(Action::Drop, Direction::InOut), 1000);

TEST(EmptyChains, AChainThatDecidesAtOnceIsARule) {
  const Program program = empty_chains(
      program_of({filter("top", {reference("in"), reference("out"), kDropAll}),
                  filter("in", {rule(Action::Accept, Direction::In)}, "ipv4"),
                  filter("out", {rule(Action::Drop, Direction::Out), rule(Action::Accept, Direction::Out)}, "ipv6")}));
  EXPECT_EQ(text(program.flows[kEtherIn]), "root\n  type=0800 accept\n  drop\n");
  EXPECT_EQ(text(program.flows[kEtherOut], true),
            "root\n  type=86dd drop <- out rule 1 line 2\n  drop <- top rule 1 line 4\n");
}

TEST(EmptyChains, AnEthernetChainWithoutRulesAccepts) {
  const Program program = empty_chains(
      implied_tests(program_of({filter("top", {reference("ip"), kDropAll}),
                                filter("ip", {rule(Action::Accept, Direction::Out, Protocol::Arp)}, "ipv4")})));
  EXPECT_EQ(text(program.flows[kEtherOut], true),
            "root\n  type=0800 accept <- chain ipv4: its end\n  drop <- top rule 1 line 3\n");
}

TEST(EmptyChains, AJumpThatOnlyComesBackIsGone) {
  const Program program = empty_chains(program_of(
      {filter("top", {reference("ip"), kDropAll}), filter("ip", {rule(Action::Return, Direction::Out)}, "ipv4")}));
  EXPECT_EQ(text(program.flows[kEtherOut]), "root\n  drop\n");
}

TEST(EmptyChains, AFlowThatStopsNothingJudgesNothing) {
  const Program program = empty_chains(program_of(
      {filter("top", {rule(Action::Accept, Direction::InOut, Protocol::Arp), rule(Action::Return, Direction::Out),
                      rule(Action::Drop, Direction::In),
                      for_tests::without_statematch(rule(Action::Accept, Direction::Out, Protocol::Tcp))})}));
  EXPECT_TRUE(program.flows[kEtherOut].empty());
  EXPECT_TRUE(program.flows[kInetOut].empty());
  EXPECT_FALSE(program.flows[kEtherIn].empty());
}

TEST(EmptyChains, AFlowThatAsksForConnectionStateIsForTheKernelToTakeOrRefuse) {
  EXPECT_FALSE(empty_chains(program_of({filter("top", {rule(Action::Accept, Direction::Out, Protocol::Tcp)})}))
                   .flows[kInetOut]
                   .empty());
}

TEST(EmptyChains, AFlowThatCountsOrRejectsStays) {
  for (const FilterRule& each : {rule(Action::Accept, Direction::Out, Protocol::Tcp, {{"connlimit-above", "1"}}),
                                 rule(Action::Reject, Direction::Out, Protocol::Tcp)})
    EXPECT_FALSE(empty_chains(program_of({filter("top", {each})})).flows[kInetOut].empty());
}

}  // namespace
}  // namespace nwf
