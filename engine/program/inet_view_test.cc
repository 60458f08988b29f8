// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/inet_view.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/model/rule_for_tests.h"

namespace nwf {
namespace {

using for_tests::rule;
using for_tests::without_statematch;

constexpr std::uint8_t kNew = kConnNew;
constexpr std::uint8_t kEstablished = kConnEstablished;

std::string shown(const std::optional<InetView>& view) {
  if (!view) return "-";
  std::string text = view->view.mirrored ? "mirrored" : "as written";
  if (view->connection) {
    text += " ct";
    const std::uint8_t states = view->connection->states;
    if ((states & kConnNew) != 0) text += " new";
    if ((states & kConnEstablished) != 0) text += " established";
    if ((states & kConnRelated) != 0) text += " related";
    if ((states & kConnInvalid) != 0) text += " invalid";
    if (view->connection->direction == ConnDirection::Original) text += " original";
    if (view->connection->direction == ConnDirection::Reply) text += " reply";
  }
  if (view->limit) text += (view->limit->negated ? " not above " : " above ") + std::to_string(view->limit->above);
  return text;
}

struct Case {
  std::string name;
  FilterRule given;
  std::string out;  ///< what packets from the guest meet
  std::string in;   ///< what packets to it meet
};

void expect_views(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    EXPECT_EQ(shown(inet_view(each.given, Direction::Out)), each.out);
    EXPECT_EQ(shown(inet_view(each.given, Direction::In)), each.in);
  }
}

constexpr auto kTcp = Protocol::Tcp;

TEST(InetView, AnAcceptRuleLetsConnectionsAndTheirRepliesPass) {
  expect_views({
      {"out", rule(Action::Accept, Direction::Out, kTcp), "as written ct new established original",
       "mirrored ct established reply"},
      {"in", rule(Action::Accept, Direction::In, kTcp), "mirrored ct established reply",
       "as written ct new established original"},
      {"IPv6", rule(Action::Accept, Direction::Out, Protocol::UdpIpv6), "as written ct new established original",
       "mirrored ct established reply"},
  });
}

TEST(InetView, AnAcceptRuleForBothDirectionsIsStateless) {
  expect_views({{"inout", rule(Action::Accept, Direction::InOut, kTcp), "mirrored", "as written"}});
}

TEST(InetView, RulesThatDoNotAcceptAreStateless) {
  for (const Action action : {Action::Drop, Action::Reject}) {
    SCOPED_TRACE(action_name(action));
    expect_views({
        {"out", rule(action, Direction::Out, kTcp), "as written", "mirrored"},
        {"in", rule(action, Direction::In, kTcp), "mirrored", "as written"},
        {"inout", rule(action, Direction::InOut, kTcp), "mirrored", "as written"},
    });
  }
}

TEST(InetView, StatematchFalseMakesAnAcceptRuleStateless) {
  expect_views({
      {"out", without_statematch(rule(Action::Accept, Direction::Out, kTcp)), "as written", "mirrored"},
      {"in", without_statematch(rule(Action::Accept, Direction::In, kTcp)), "mirrored", "as written"},
  });
}

TEST(InetView, AListOfStatesHoldsInTheRulesOwnDirectionOnly) {
  const auto with = [](Action action, Direction direction, std::string_view states) {
    return rule(action, direction, kTcp, {{"state", states}});
  };
  expect_views({
      {"new, out", with(Action::Accept, Direction::Out, "NEW"), "as written ct new", "-"},
      {"established, in", with(Action::Accept, Direction::In, "ESTABLISHED"), "-", "as written ct established"},
      {"all four", with(Action::Accept, Direction::Out, "NEW,ESTABLISHED,RELATED,INVALID"),
       "as written ct new established related invalid", "-"},
      {"inout", with(Action::Accept, Direction::InOut, "ESTABLISHED,RELATED"), "mirrored ct established related",
       "as written ct established related"},
      {"a drop rule has them too", with(Action::Drop, Direction::In, "INVALID"), "-", "as written ct invalid"},
  });
}

TEST(InetView, StateNoneIsStatelessInTheRulesOwnDirectionOnly) {
  expect_views({
      {"out", rule(Action::Accept, Direction::Out, kTcp, {{"state", "NONE"}}), "as written", "-"},
      {"in", rule(Action::Accept, Direction::In, kTcp, {{"state", "NONE"}}), "-", "as written"},
      {"inout", rule(Action::Accept, Direction::InOut, kTcp, {{"state", "NONE"}}), "mirrored", "as written"},
  });
}

// The frame's sender is not the guest when a reply comes to it.
TEST(InetView, AMirroredRuleLosesTheSourceMac) {
  for (const Direction written : {Direction::Out, Direction::In, Direction::InOut})
    for (const Direction direction : {Direction::Out, Direction::In}) {
      SCOPED_TRACE(std::string(direction_name(written)) + " seen " + std::string(direction_name(direction)));
      const auto view = inet_view(rule(Action::Accept, written, kTcp, {{"srcmacaddr", "$MAC"}}), direction);
      ASSERT_TRUE(view);
      EXPECT_EQ(view->view.without_source_mac, view->view.mirrored);
    }
}

// An echo request's reply has another type.
TEST(InetView, ATypedIcmpRuleSaysNothingOfTheOtherDirection) {
  for (const Protocol protocol : {Protocol::Icmp, Protocol::Icmpv6}) {
    SCOPED_TRACE(protocol_name(protocol));
    const auto typed = [&](Action action, Direction direction) {
      return inet_view(rule(action, direction, protocol, {{"type", "8"}}),
                       direction == Direction::Out ? Direction::In : Direction::Out);
    };
    EXPECT_FALSE(typed(Action::Accept, Direction::Out));
    EXPECT_FALSE(typed(Action::Accept, Direction::In));
    EXPECT_FALSE(typed(Action::Drop, Direction::Out));

    const auto own = inet_view(rule(Action::Accept, Direction::Out, protocol, {{"type", "8"}}), Direction::Out);
    ASSERT_TRUE(own);
    EXPECT_FALSE(own->view.mirrored);
    ASSERT_TRUE(own->connection);
    EXPECT_EQ(own->connection->states, kNew | kEstablished);
  }
}

TEST(InetView, AnIcmpRuleWithoutTypeHasRepliesAsOthersDo) {
  expect_views({
      {"icmp", rule(Action::Accept, Direction::Out, Protocol::Icmp), "as written ct new established original",
       "mirrored ct established reply"},
      {"icmpv6", rule(Action::Accept, Direction::In, Protocol::Icmpv6), "mirrored ct established reply",
       "as written ct new established original"},
  });
}

TEST(InetView, ConnectionsAreCountedWhereTheyStart) {
  expect_views({
      {"drop in", rule(Action::Drop, Direction::In, kTcp, {{"connlimit-above", "2"}}), "-", "as written above 2"},
      {"drop out", rule(Action::Drop, Direction::Out, kTcp, {{"connlimit-above", "65535"}}), "as written above 65535",
       "-"},
      {"negated", for_tests::negated(rule(Action::Drop, Direction::In, kTcp, {{"connlimit-above", "2"}})), "-",
       "as written not above 2"},
  });
}

}  // namespace
}  // namespace nwf
