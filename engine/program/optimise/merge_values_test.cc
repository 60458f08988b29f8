// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/merge_values.h"

#include <gtest/gtest.h>

#include "engine/program/optimise/origin.h"
#include "engine/program/optimise/text_for_tests.h"

namespace nwf {
namespace {

using for_tests::filter;
using for_tests::kInetOut;
using for_tests::program_of;
using for_tests::rule;
using for_tests::text;
using for_tests::with_priority;

FilterRule tcp(Action action, std::string_view port) {
  return for_tests::without_statematch(rule(action, Direction::Out, Protocol::Tcp, {{"dstportstart", port}}));
}

std::string merged(std::vector<FilterEntry> entries, bool origins = false) {
  const Program program = merge_values(program_of({filter("top", std::move(entries))}));
  const std::string all = text(program.flows[kInetOut], origins);
  return all.substr(all.find("ip4 if"));
}

TEST(MergeValues, NeighboursThatDifferInOneValueAreOneRuleThatNamesThemAll) {
  EXPECT_EQ(merged({tcp(Action::Accept, "80"), tcp(Action::Accept, "443"), tcp(Action::Accept, "22")}, true),
            "ip4 if type=0800\n"
            "  l4proto=06 dport={0016,0050,01bb} accept <- top rule 1 line 2, rule 2 line 3, rule 3 line 4\n");
}

TEST(MergeValues, TwoAreNotWorthASet) {
  EXPECT_EQ(merged({tcp(Action::Accept, "80"), tcp(Action::Accept, "443")}),
            "ip4 if type=0800\n  l4proto=06 dport=0050 accept\n  l4proto=06 dport=01bb accept\n");
}

TEST(MergeValues, OnlyNeighboursWithTheSameActionAndTheSameOtherTests) {
  EXPECT_EQ(merged({tcp(Action::Accept, "1"), tcp(Action::Accept, "2"), tcp(Action::Drop, "3"),
                    tcp(Action::Accept, "4"), tcp(Action::Accept, "5")}),
            "ip4 if type=0800\n"
            "  l4proto=06 dport=0001 accept\n"
            "  l4proto=06 dport=0002 accept\n"
            "  l4proto=06 dport=0003 drop\n"
            "  l4proto=06 dport=0004 accept\n"
            "  l4proto=06 dport=0005 accept\n");
}

TEST(MergeValues, NegatedValuesStayApart) {
  const auto no = [](std::string_view address) {
    return for_tests::without_statematch(
        for_tests::negated(rule(Action::Drop, Direction::Out, Protocol::All, {{"dstipaddr", address}})));
  };
  const std::string text = merged({no("192.0.2.1"), no("192.0.2.2"), no("192.0.2.3")});
  EXPECT_EQ(text.find('{'), std::string::npos) << text;
}

TEST(MergeValues, ARunEndsWhereItsRulesCannotAllBeNamed) {
  std::vector<FilterEntry> entries;
  for (int i = 0; i < 200; ++i) {
    entries.emplace_back(tcp(Action::Accept, std::to_string(1000 + i)));
    // Rules of the other layer between, so that the numbers have gaps.
    entries.emplace_back(rule(Action::Drop, Direction::In, Protocol::Mac));
  }
  const Program program = merge_values(program_of({filter("top", entries)}));
  const auto& rules = program.flows[kInetOut].chains.at(1).entries;
  EXPECT_GT(rules.size(), 1U);
  EXPECT_LT(rules.size(), 40U);
  for (const ProgramEntry& entry : rules) EXPECT_LE(std::get<ProgramRule>(entry.what).origin.size(), kMaxMergedOrigin);
}

TEST(MergedOrigin, NamesEachOnceAndShortensWhereItMust) {
  EXPECT_EQ(merged_origin({"web rule 1 line 2", "web rule 2 line 3", "web rule 2 line 3", "base rule 1 line 9"}),
            "web rule 1 line 2, rule 2 line 3, base rule 1 line 9");
  std::vector<std::string> many;
  for (int i = 1; i <= 60; ++i)
    if (i != 30) many.push_back(fmt::format("web rule {} line {}", i, i + 1));
  EXPECT_EQ(merged_origin(many), "web rules 1-29,31-60");
  for (int i = 1; i <= 60; ++i) many.push_back(fmt::format("another{} rule 1 line 2", i));
  EXPECT_EQ(merged_origin(many), std::nullopt);
}

}  // namespace
}  // namespace nwf
