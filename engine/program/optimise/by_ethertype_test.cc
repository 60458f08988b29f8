// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/by_ethertype.h"

#include <gtest/gtest.h>

#include "engine/program/optimise/text_for_tests.h"

namespace nwf {
namespace {

using for_tests::filter;
using for_tests::Filters;
using for_tests::kEtherOut;
using for_tests::program_of;
using for_tests::reference;
using for_tests::rule;
using for_tests::text;

FilterRule arp(Action action, std::string_view opcode) {
  return rule(action, Direction::Out, Protocol::Arp, {{"opcode", opcode}});
}

TEST(ByEthertype, ATypeThatManyEntriesAskForHasAChainOfItsOwn) {
  const Program program = by_ethertype(program_of(
      {filter("top", {arp(Action::Accept, "1"), reference("mac"), arp(Action::Drop, "2"), reference("arp"),
                      rule(Action::Accept, Direction::Out, Protocol::Ip), rule(Action::Drop, Direction::Out)}),
       filter("mac", {rule(Action::Drop, Direction::Out)}, "mac"), filter("arp", {arp(Action::Return, "3")}, "arp")}));
  EXPECT_EQ(text(program.flows[kEtherOut]),
            "root\n"
            "  >type-arp\n"
            "  >mac\n"
            "  type=0800 accept\n"
            "  drop\n"
            "mac\n"
            "  drop\n"
            "arp if type=0806\n"
            "  type=0806 arpop=0003 return\n"
            "type-arp if type=0806\n"
            "  >mac\n"
            "  >arp\n"
            "  type=0806 arpop=0001 accept\n"
            "  type=0806 arpop=0002 drop\n"
            "  drop\n");
}

TEST(ByEthertype, AReturnOfTheRootChainAcceptsInsteadOfComingBackToIt) {
  const Program program =
      by_ethertype(program_of({filter("top", {arp(Action::Return, "1"), arp(Action::Drop, "2"),
                                              arp(Action::Return, "3"), rule(Action::Drop, Direction::Out)})}));
  EXPECT_EQ(text(program.flows[kEtherOut]),
            "root\n"
            "  >type-arp\n"
            "  drop\n"
            "type-arp if type=0806\n"
            "  type=0806 arpop=0001 accept\n"
            "  type=0806 arpop=0002 drop\n"
            "  type=0806 arpop=0003 accept\n"
            "  drop\n");
}

TEST(ByEthertype, WhatAcceptsAtOnceStaysInFront) {
  const Program program = by_ethertype(program_of(
      {filter("top", {rule(Action::Accept, Direction::Out, Protocol::Ip), arp(Action::Drop, "1"),
                      arp(Action::Drop, "2"), arp(Action::Drop, "3"), rule(Action::Drop, Direction::Out)})}));
  EXPECT_EQ(text(program.flows[kEtherOut]),
            "root\n"
            "  type=0800 accept\n"
            "  >type-arp\n"
            "  drop\n"
            "type-arp if type=0806\n"
            "  type=0806 arpop=0001 drop\n"
            "  type=0806 arpop=0002 drop\n"
            "  type=0806 arpop=0003 drop\n"
            "  drop\n");
}

TEST(ByEthertype, AFewRulesAreNotWorthAChain) {
  const Program before = program_of(
      {filter("top", {arp(Action::Accept, "1"), arp(Action::Drop, "2"), rule(Action::Drop, Direction::Out)})});
  EXPECT_EQ(text(by_ethertype(before).flows[kEtherOut]), text(before.flows[kEtherOut]));
}

}  // namespace
}  // namespace nwf
