// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/join_members.h"

#include <gtest/gtest.h>

#include "engine/program/optimise/text_for_tests.h"

namespace nwf {
namespace {

using for_tests::filter;
using for_tests::kEtherOut;
using for_tests::program_of;
using for_tests::rule;
using for_tests::text;

std::string joined(FilterRule rule) {
  Program program = join_members(
      program_of({filter("top", {std::move(rule)})}, {{"IP", {"192.0.2.1", "192.0.2.2"}}, {"IPV6", {"2001:db8::1"}}}));
  return text(program.flows[kEtherOut]);
}

TEST(JoinMembers, AMacAndAnAddressAreLookedUpTogether) {
  EXPECT_EQ(
      joined(rule(Action::Accept, Direction::Out, Protocol::Ip, {{"srcmacaddr", "$MAC"}, {"srcipaddr", "$IP[@1]"}})),
      "root\n  type=0800 smac.sip in $MAC[0].$IP accept\n");
  EXPECT_EQ(joined(rule(Action::Accept, Direction::Out, Protocol::Ipv6,
                        {{"srcmacaddr", "$MAC"}, {"srcipaddr", "$IPV6[@1]"}})),
            "root\n  type=86dd smac.sip6 in $MAC[0].$IPV6 accept\n");
}

TEST(JoinMembers, EveryAddressStandsBesideTheMac) {
  const Variables variables{{"MAC", {"52:54:00:00:00:01"}}, {"IP", {"192.0.2.1", "192.0.2.2"}}};
  Program program = join_members(program_of({filter("top", {rule(Action::Accept, Direction::Out, Protocol::Ip,
                                                                 {{"srcmacaddr", "$MAC"}, {"srcipaddr", "$IP[@1]"}})})},
                                            variables));
  program.gather_sets();
  ASSERT_EQ(program.sets.size(), 1U);
  const auto elements = elements_of(program.sets[0], *PortName::parse("vnet0"), variables);
  ASSERT_TRUE(elements);
  EXPECT_EQ(elements->size(), 2U);
  for (const Element& element : *elements) EXPECT_EQ(element.key.size(), 16U + 8U + 4U);
}

TEST(JoinMembers, TwoLookupsOfTheMacAloneAreOne) {
  EXPECT_EQ(
      joined(rule(Action::Accept, Direction::Out, Protocol::Mac, {{"srcmacaddr", "$MAC"}, {"dstmacaddr", "$MAC"}})),
      "root\n  smac.dmac in $MAC[0].$MAC accept\n");
}

TEST(JoinMembers, ANegatedLookupStaysApart) {
  FilterRule made = rule(Action::Drop, Direction::Out, Protocol::Ip, {{"srcmacaddr", "$MAC"}, {"dstmacaddr", "$MAC"}});
  made.attributes[1].negated = true;
  const std::string text = joined(made);
  EXPECT_NE(text.find("!"), std::string::npos) << text;
  EXPECT_EQ(text.find("smac.dmac"), std::string::npos) << text;
}

}  // namespace
}  // namespace nwf
