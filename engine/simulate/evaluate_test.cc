// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/simulate/evaluate.h"

#include <gtest/gtest.h>

#include "engine/model/rule_for_tests.h"
#include "engine/program/compile.h"
#include "engine/ruleset/dispatch.h"

namespace nwf::simulate {
namespace {

using for_tests::rule;

constexpr Capabilities kNoConntrack{Probe::No, Probe::No, Probe::No, Probe::No, Probe::Yes};

/// A filter of two rules in a file of its own, bound to vnet0.
Ruleset bound() {
  auto filter = std::make_shared<Filter>();
  filter->name = "two-rules";
  FilterRule arp = rule(Action::Accept, Direction::Out, Protocol::Arp, {});
  arp.source = {"two-rules.xml", 3, 5};
  FilterRule rest = rule(Action::Drop, Direction::Out, Protocol::Mac, {});
  rest.source = {"two-rules.xml", 7, 5};
  filter->entries = {arp, rest};
  const Variables variables{{"MAC", {"52:54:00:00:00:01"}}};
  const auto program = compile(
      filter, [](const std::string&) { return nullptr; }, variables);
  EXPECT_TRUE(program.has_value());
  const auto lowered = lower(*program, kNoConntrack, {});
  EXPECT_TRUE(lowered.has_value());
  FrameNeeds needs;
  needs.add(*lowered, true);
  Ruleset ruleset = *frame(needs, kNoConntrack, {});
  add_program(*lowered, true, ruleset);
  add_elements(*port_elements(*lowered, program->sets, true, *PortName::parse("vnet0"), variables), ruleset);
  return ruleset;
}

Packet frame_of_type(std::uint8_t high, std::uint8_t low) {
  Packet packet;
  packet.frame = {0x52, 0x54, 0, 0, 0, 2, 0x52, 0x54, 0, 0, 0, 1, high, low};
  packet.frame.resize(60);
  packet.in = "vnet0";
  packet.out = "lan0";
  return packet;
}

TEST(Evaluate, SaysWhichRuleOfWhichFileDecides) {
  const Ruleset ruleset = bound();
  Evaluator evaluator(ruleset, kNoConntrack);

  const Judgement arp = evaluator.judge(frame_of_type(0x08, 0x06));
  EXPECT_EQ(arp.outcome, Outcome::Pass);
  ASSERT_FALSE(arp.decisions.empty());
  EXPECT_EQ(arp.decisions[0].origin, "two-rules rule 1 line 3");
  EXPECT_EQ(arp.decisions[0].source, (Source{"two-rules.xml", 3, 5}));

  const Judgement other = evaluator.judge(frame_of_type(0x88, 0xb5));
  EXPECT_EQ(other.outcome, Outcome::Drop);
  ASSERT_FALSE(other.decisions.empty());
  EXPECT_EQ(other.decisions[0].base_chain, "guest-out.ethernet");
  EXPECT_EQ(other.decisions[0].origin, "two-rules rule 2 line 7");
  EXPECT_EQ(other.decisions[0].source, (Source{"two-rules.xml", 7, 5}));
}

}  // namespace
}  // namespace nwf::simulate
