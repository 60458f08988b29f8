// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/implied_tests.h"

#include <gtest/gtest.h>

#include "engine/program/optimise/by_ethertype.h"
#include "engine/program/optimise/fast_accept.h"
#include "engine/program/optimise/text_for_tests.h"

namespace nwf {
namespace {

using for_tests::filter;
using for_tests::Filters;
using for_tests::kEtherOut;
using for_tests::kInetOut;
using for_tests::program_of;
using for_tests::reference;
using for_tests::rule;
using for_tests::text;
using for_tests::with_priority;

const Variables kIp{{"IP", {"192.0.2.1"}}};

TEST(ImpliedTests, WhatWasAcceptedInFrontIsNotAskedForAgain) {
  const Program program = implied_tests(fast_accept(program_of(for_tests::spoofing_filters(), kIp)));
  // Whoever comes back from the chain mac has its own MAC. An IPv4 packet with its own address as well is gone.
  EXPECT_EQ(text(program.flows[kEtherOut]),
            "root\n"
            "  type=0800 smac in $MAC sip in $IP accept\n"
            "  >mac\n"
            "  >ipv4-ip\n"
            "  type=0800 accept\n"
            "  type=0806 accept\n"
            "  drop\n"
            "mac\n"
            "  smac in $MAC return\n"
            "  drop\n"
            "ipv4-ip if type=0800\n"
            "  type=0800 sip=00000000 proto=11 return\n"
            "  drop\n");
}

TEST(ImpliedTests, ATestThatTheGuardMadeIsLeftOutWhereNftNeedsNoNames) {
  const Program program = implied_tests(
      program_of({filter("top", {reference("ip")}),
                  filter("ip",
                         {rule(Action::Return, Direction::Out, Protocol::Ip, {{"srcmacaddr", "$MAC"}}),
                          rule(Action::Return, Direction::Out, Protocol::Ip, {{"dstipaddr", "192.0.2.1"}}),
                          rule(Action::Accept, Direction::Out, Protocol::Ip), rule(Action::Drop, Direction::Out)},
                         "ipv4")}));
  EXPECT_EQ(text(program.flows[kEtherOut]),
            "root\n"
            "  >ipv4\n"
            "ipv4 if type=0800\n"
            "  smac in $MAC return\n"
            "  type=0800 dip=c0000201 return\n"
            "  accept\n");
}

TEST(ImpliedTests, AnAddressBeforeAVlanTagKeepsTheTagsTest) {
  const Program before = program_of(
      {filter("top", {reference("vlan")}),
       filter("vlan", {rule(Action::Drop, Direction::Out, Protocol::Vlan, {{"dstmacaddr", "52:54:00:00:00:02"}})},
              "vlan")});
  EXPECT_EQ(text(implied_tests(before).flows[kEtherOut]), text(before.flows[kEtherOut]));
}

TEST(ImpliedTests, ARuleOfAnotherProtocolThanItsChainsIsGone) {
  const Program program = implied_tests(program_of(
      {filter("top", {reference("ip")}),
       filter("ip", {rule(Action::Accept, Direction::Out, Protocol::Arp), rule(Action::Drop, Direction::Out)},
              "ipv4")}));
  EXPECT_EQ(text(program.flows[kEtherOut]), "root\n  >ipv4\nipv4 if type=0800\n  drop\n");
}

TEST(ImpliedTests, NothingComesBehindARuleForAllPackets) {
  const Program program = implied_tests(program_of(
      {filter("top", {rule(Action::Drop, Direction::Out), rule(Action::Accept, Direction::Out, Protocol::Arp)})}));
  EXPECT_EQ(text(program.flows[kEtherOut]), "root\n  drop\n");
}

TEST(ImpliedTests, AChainThatNeverReturnsIsTheEnd) {
  const Program program = implied_tests(program_of(
      {filter("top", {reference("mac"), rule(Action::Drop, Direction::Out)}),
       filter("mac", {rule(Action::Drop, Direction::Out, Protocol::Mac, {{"srcmacaddr", "$MAC"}})}, "mac")}));
  EXPECT_EQ(text(program.flows[kEtherOut]), "root\n  >mac\nmac\n  smac in $MAC drop\n") << "its end accepts";
}

TEST(ImpliedTests, AMissedValueSaysNothingOfTheOthers) {
  const Program before = program_of({filter(
      "top", {rule(Action::Drop, Direction::Out, Protocol::Tcp, {{"dstportstart", "80"}}),
              rule(Action::Accept, Direction::Out, Protocol::Tcp, {{"dstportstart", "443"}}),
              // Also what has no ports at all did not match.
              with_priority(rule(Action::Drop, Direction::Out, Protocol::Tcp, {{"dstportstart", "81"}}), 900)})});
  EXPECT_EQ(text(implied_tests(before).flows[kInetOut]), text(before.flows[kInetOut]));
}

TEST(ImpliedTests, AGuardThatEveryJumpKnowsIsLeftOut) {
  const auto arp = [](Action action, std::string_view opcode) {
    return rule(action, Direction::Out, Protocol::Arp, {{"opcode", opcode}});
  };
  const Program program = implied_tests(
      by_ethertype(program_of({filter("top", {arp(Action::Accept, "1"), arp(Action::Drop, "2"), reference("arp"),
                                              rule(Action::Drop, Direction::Out)}),
                               filter("arp", {arp(Action::Return, "3"), rule(Action::Drop, Direction::Out)}, "arp")})));
  EXPECT_EQ(text(program.flows[kEtherOut]),
            "root\n"
            "  >type-arp\n"
            "  drop\n"
            "arp\n"
            "  type=0806 arpop=0003 return\n"
            "  drop\n"
            "type-arp if type=0806\n"
            "  >arp\n"
            "  drop\n")
      << "whoever comes back is an ARP packet of operation 3";
}

TEST(ImpliedTests, RulesThatDoSomethingKeepAllTheirTests) {
  const Program before = program_of(
      {filter("top", {reference("arp")}),
       filter("arp", {rule(Action::Accept, Direction::Out, Protocol::Arp, {{"gratuitous", "true"}})}, "arp")});
  EXPECT_EQ(text(implied_tests(before).flows[kEtherOut]), text(before.flows[kEtherOut]));
}

}  // namespace
}  // namespace nwf
