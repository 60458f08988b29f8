// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/fast_accept.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/program/optimise/text_for_tests.h"

namespace nwf {
namespace {

using for_tests::filter;
using for_tests::Filters;
using for_tests::kEtherIn;
using for_tests::kEtherOut;
using for_tests::program_of;
using for_tests::reference;
using for_tests::rule;
using for_tests::text;
using for_tests::with_priority;
using ::testing::HasSubstr;

const Variables kIp{{"IP", {"192.0.2.1"}}};

std::string first_rule(const Flow& flow, bool origins = false) {
  const std::string all = text({{{"root", std::nullopt, {flow.chains.at(0).entries.at(0)}}}}, origins);
  return all.substr(all.find("  ") + 2, all.rfind('\n') - all.find("  ") - 2);
}

TEST(FastAccept, AGuestsOwnTrafficIsAcceptedByTheFirstRule) {
  const Program program = fast_accept(program_of(for_tests::spoofing_filters(), kIp));
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
            "  type=0800 sip in $IP return\n"
            "  drop\n");
  EXPECT_EQ(text(program.flows[kEtherIn]),
            "root\n"
            "  type=0800 accept\n"
            "  type=0806 accept\n"
            "  drop\n")
      << "what is the first rule already needs none before it";
}

TEST(FastAccept, NamesTheRulesThatTogetherDecide) {
  const Program program = fast_accept(program_of(for_tests::spoofing_filters(), kIp));
  EXPECT_THAT(first_rule(program.flows[kEtherOut], true),
              HasSubstr("<- mac rule 1 line 2, ip rule 2 line 3, top rule 1 line 4"));
}

TEST(FastAccept, WhatDoesNotDependOnTheFramesTypeIsOneRule) {
  const Filters filters{filter("top", {reference("mac")}),
                        filter("mac",
                               {rule(Action::Return, Direction::Out, Protocol::Mac, {{"srcmacaddr", "$MAC"}}),
                                rule(Action::Drop, Direction::Out, Protocol::Mac)},
                               "mac")};
  const Program program = fast_accept(program_of(filters));
  EXPECT_EQ(first_rule(program.flows[kEtherOut]), "smac in $MAC accept");
}

/// Each is one in which an accept in front would let pass what is stopped now, or forget what a rule does.
TEST(FastAccept, NothingIsPutInFrontOfWhatMayStopThePacket) {
  struct Case {
    std::string name;
    std::vector<FilterEntry> entries;
  };
  const auto accept_ip = with_priority(rule(Action::Accept, Direction::Out, Protocol::Ip, {{"srcipaddr", "$IP"}}), 600);
  const auto drop_all = with_priority(rule(Action::Drop, Direction::Out), 900);
  const std::vector<Case> cases = {
      {"a drop of some before it",
       {rule(Action::Drop, Direction::Out, Protocol::Ip, {{"dstipaddr", "192.0.2.9"}}), accept_ip, drop_all}},
      {"a reject of some before it",
       {rule(Action::Reject, Direction::Out, Protocol::Ip, {{"protocol", "tcp"}}), accept_ip, drop_all}},
      {"a drop of the guest's own before it",
       {rule(Action::Drop, Direction::Out, Protocol::Ip, {{"srcipaddr", "$IP"}}), accept_ip, drop_all}},
      {"an accept of one port only",
       {rule(Action::Accept, Direction::Out, Protocol::Ip, {{"protocol", "tcp"}, {"dstportstart", "80"}}), drop_all}},
      {"a negated value", {for_tests::negated(accept_ip), drop_all}},
  };
  for (const Case& each : cases) {
    const Program before = program_of({filter("top", each.entries)}, kIp);
    EXPECT_EQ(text(fast_accept(before).flows[kEtherOut]), text(before.flows[kEtherOut])) << each.name;
  }
}

TEST(FastAccept, ARuleThatNotesSomethingIsNotPassedOver) {
  const Program before =
      program_of({filter("top", {rule(Action::Accept, Direction::Out, Protocol::Arp, {{"gratuitous", "true"}}),
                                 rule(Action::Accept, Direction::Out, Protocol::Mac, {{"srcmacaddr", "$MAC"}}),
                                 with_priority(rule(Action::Drop, Direction::Out), 900)})});
  const std::string after = text(fast_accept(before).flows[kEtherOut]);
  EXPECT_THAT(after, ::testing::StartsWith("root\n  type=0800 smac in $MAC accept\n  type=86dd smac in $MAC accept\n"))
      << "IPv4 and IPv6 do not meet the ARP rule; other frames do";
}

TEST(FastAccept, TheInetLayerStaysAsItIs) {
  const Program before =
      program_of({filter("top", {rule(Action::Accept, Direction::Out, Protocol::Tcp, {{"srcipaddr", "$IP"}}),
                                 with_priority(rule(Action::Drop, Direction::InOut, Protocol::All), 900)})},
                 kIp);
  EXPECT_EQ(text(fast_accept(before).flows[for_tests::kInetOut]), text(before.flows[for_tests::kInetOut]));
}

TEST(FastAccept, AFlowTooIntricateIsLeftAlone) {
  // Each rule may come back or not, in each chain anew.
  Filters filters;
  std::vector<FilterEntry> top;
  for (const std::string chain : {"mac-a", "mac-b", "mac-c", "mac-d"}) {
    std::vector<FilterEntry> entries;
    for (int i = 0; i < 40; ++i)
      entries.emplace_back(rule(Action::Return, Direction::Out, Protocol::Mac,
                                {{"dstmacaddr", "52:54:00:00:01:" + std::to_string(10 + i)}}));
    filters.add(filter(chain, entries, chain));
    top.emplace_back(reference(chain));
  }
  top.emplace_back(rule(Action::Accept, Direction::Out, Protocol::Mac, {{"srcmacaddr", "$MAC"}}));
  top.emplace_back(with_priority(rule(Action::Drop, Direction::Out), 900));
  filters.add(filter("top", top));
  const Program before = program_of(filters);
  EXPECT_EQ(text(fast_accept(before).flows[kEtherOut]), text(before.flows[kEtherOut]));
}

}  // namespace
}  // namespace nwf
