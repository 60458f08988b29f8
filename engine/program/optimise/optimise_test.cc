// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/optimise.h"

#include <gtest/gtest.h>

namespace nwf {
namespace {

/// Rules that none needs behind the first: each matches every packet.
Program of_rules(std::size_t rules) {
  Program program;
  ProgramChain root{"root", std::nullopt, {}};
  for (std::size_t i = 0; i < rules; ++i) root.entries.push_back({ProgramRule{{}, Action::Drop, "rule", {}}});
  program.flows[0].chains.push_back(std::move(root));
  return program;
}

std::size_t rules_left(std::size_t rules) { return optimise(of_rules(rules), {}).flows[0].chains.at(0).entries.size(); }

TEST(Optimise, LeavesALargeProgramAsItIs) {
  EXPECT_EQ(rules_left(kMostRulesOptimised), 1U);
  EXPECT_EQ(rules_left(kMostRulesOptimised + 1), kMostRulesOptimised + 1);
}

}  // namespace
}  // namespace nwf
