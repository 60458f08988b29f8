// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/state.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace nwf {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr unsigned kShifts[] = {0, 8, 16, 24};
constexpr ConnDirection kDirections[] = {ConnDirection::Any, ConnDirection::Original, ConnDirection::Reply};
constexpr std::uint8_t kAllStates = kConnNew | kConnEstablished | kConnRelated | kConnInvalid;

/// What a chain can know of a packet here.
struct Packet {
  std::uint32_t ct_state = 0;
  std::optional<std::uint8_t> ct_direction;  ///< none: no connection, `ct direction` ends the rule
  std::uint32_t mark = 0;
  std::string in_kind = "bridge";
};

/// Runs one list of expressions as the kernel does, each register four bytes. Nothing: a test failed on the way;
/// Continue: all held and no verdict was said.
std::optional<VerdictCode> run(const std::vector<Expression>& expressions, Packet& packet) {
  std::array<std::uint8_t, 64> registers{};
  const auto at = [&](Register r) { return registers.data() + std::size_t{r} * 4; };
  for (const Expression& expression : expressions) {
    if (const auto* load = std::get_if<expr::MetaLoad>(&expression)) {
      if (load->key == MetaKey::Mark) {
        std::memcpy(at(load->to), &packet.mark, 4);
      } else if (load->key == MetaKey::InterfaceInKind) {
        std::memset(at(load->to), 0, 16);
        std::memcpy(at(load->to), packet.in_kind.data(), packet.in_kind.size());
      } else {
        ADD_FAILURE() << "a load that this test does not know";
      }
    } else if (const auto* set = std::get_if<expr::MetaSetMark>(&expression)) {
      std::memcpy(&packet.mark, at(set->from), 4);
    } else if (const auto* ct = std::get_if<expr::CtLoad>(&expression)) {
      if (ct->key == CtKey::State) {
        std::memcpy(at(ct->to), &packet.ct_state, 4);
      } else {
        if (!packet.ct_direction) return std::nullopt;
        std::memset(at(ct->to), 0, 4);
        *at(ct->to) = *packet.ct_direction;
      }
    } else if (const auto* bitwise = std::get_if<expr::Bitwise>(&expression)) {
      for (std::size_t i = 0; i < bitwise->mask.size(); ++i)
        at(bitwise->to)[i] =
            static_cast<std::uint8_t>((at(bitwise->from)[i] & bitwise->mask[i]) ^ bitwise->exclusive_or.at(i));
    } else if (const auto* compare = std::get_if<expr::Compare>(&expression)) {
      const bool equal = std::memcmp(at(compare->from), compare->data.data(), compare->data.size()) == 0;
      if (compare->op != CompareOp::Equal && compare->op != CompareOp::NotEqual) ADD_FAILURE() << "an order of states?";
      if (equal != (compare->op == CompareOp::Equal)) return std::nullopt;
    } else if (const auto* immediate = std::get_if<expr::Immediate>(&expression)) {
      return immediate->verdict.code;
    } else {
      ADD_FAILURE() << "an expression that this test does not know";
    }
  }
  return VerdictCode::Continue;
}

/// The rule is written once for each list.
bool any_passes(const std::vector<std::vector<Expression>>& lists, Packet packet) {
  bool passes = false;
  for (const auto& list : lists) passes = run(list, packet).has_value() || passes;
  return passes;
}

void run(const Chain& chain, Packet& packet) {
  for (const Rule& rule : chain.rules)
    if (run(rule.expressions, packet) == VerdictCode::Return) return;
}

/// Every view conntrack can have of a packet, and what the mark says of it.
struct View {
  StateCode code;
  std::uint8_t bit;  ///< 0: no test asks for it
  std::uint32_t ct_state;
  std::optional<ConnDirection> direction;  ///< none: such a packet belongs to no connection
};
const std::vector<View>& views() {
  static const std::vector<View> kViews = {
      {StateCode::New, kConnNew, kCtStateNew, ConnDirection::Original},
      {StateCode::EstablishedOriginal, kConnEstablished, kCtStateEstablished, ConnDirection::Original},
      {StateCode::EstablishedReply, kConnEstablished, kCtStateEstablished, ConnDirection::Reply},
      {StateCode::RelatedOriginal, kConnRelated, kCtStateRelated, ConnDirection::Original},
      {StateCode::RelatedReply, kConnRelated, kCtStateRelated, ConnDirection::Reply},
      {StateCode::Invalid, kConnInvalid, kCtStateInvalid, std::nullopt},
      {StateCode::Untracked, 0, kCtStateUntracked, std::nullopt},
  };
  return kViews;
}

bool asked_for(const test::Connection& test, const View& view) {
  return (test.states & view.bit) != 0 && (test.direction == ConnDirection::Any || test.direction == view.direction);
}

Packet packet_of(const View& view) {
  Packet packet;
  packet.ct_state = view.ct_state;
  if (view.direction) packet.ct_direction = view.direction == ConnDirection::Reply ? 1 : 0;
  return packet;
}

std::vector<test::Connection> all_tests() {
  std::vector<test::Connection> all;
  for (unsigned states = 0; states <= kAllStates; ++states)
    for (const ConnDirection direction : kDirections) all.push_back({static_cast<std::uint8_t>(states), direction});
  return all;
}

std::string text(const test::Connection& test) {
  return fmt::format("states {:04b} direction {}", test.states, static_cast<int>(test.direction));
}

TEST(StateByMark, ExactlyTheStatesAskedForPass) {
  for (const unsigned shift : kShifts)
    for (const test::Connection& test : all_tests()) {
      const MarkBits bits{shift};
      const auto lists = lower_connection(test, StateMethod::Mark, bits);
      // Other people's bits of the mark, and the other half of our byte, must not matter.
      for (const std::uint32_t others : {0U, ~bits.state_mask(), bits.reject(), 0x5a5a5a5aU & ~bits.state_mask()}) {
        for (const View& view : views()) {
          Packet packet;
          packet.mark = others | static_cast<std::uint32_t>(view.code) << shift;
          EXPECT_EQ(any_passes(lists, packet), asked_for(test, view))
              << text(test) << " shift " << shift << " code " << static_cast<int>(view.code) << " mark " << packet.mark;
        }
        Packet unknown;
        unknown.mark = others | static_cast<std::uint32_t>(StateCode::None) << shift;
        EXPECT_FALSE(any_passes(lists, unknown)) << text(test) << ": a packet that conntrack has not seen";
      }
    }
}

TEST(StateByMark, UsualTestsAreOneComparison) {
  const std::vector<test::Connection> usual = {
      {kConnNew | kConnEstablished, ConnDirection::Original},
      {kConnEstablished, ConnDirection::Any},
      {kConnEstablished, ConnDirection::Reply},
      {kConnRelated, ConnDirection::Any},
      {kConnNew, ConnDirection::Any},
      {kConnInvalid, ConnDirection::Any},
  };
  for (const test::Connection& test : usual)
    EXPECT_THAT(lower_connection(test, StateMethod::Mark, {}), SizeIs(1)) << text(test);
}

// Each list is a rule of its own in the kernel, for every packet.
TEST(StateByMark, EachListLetsSomethingPassThatThoseBeforeItDoNot) {
  for (const test::Connection& test : all_tests()) {
    const auto lists = lower_connection(test, StateMethod::Mark, {});
    std::vector<std::vector<Expression>> before;
    for (const auto& list : lists) {
      bool adds = false;
      for (std::uint32_t code = 0; code < 8; ++code) {
        Packet packet;
        packet.mark = code << MarkBits{}.shift;
        adds = adds || (any_passes({list}, packet) && !any_passes(before, packet));
      }
      EXPECT_TRUE(adds) << text(test) << ", list " << before.size();
      before.push_back(list);
    }
  }
}

TEST(StateByMark, WhatCannotBeIsNotTestedAtAll) {
  for (const test::Connection& test : std::vector<test::Connection>{{0, ConnDirection::Any},
                                                                    {kConnNew, ConnDirection::Reply},
                                                                    {kConnInvalid, ConnDirection::Original},
                                                                    {kConnInvalid, ConnDirection::Reply}})
    EXPECT_THAT(lower_connection(test, StateMethod::Mark, {}), IsEmpty()) << text(test);
}

TEST(StateNative, ExactlyTheStatesAskedForPass) {
  for (const test::Connection& test : all_tests()) {
    const auto lists = lower_connection(test, StateMethod::Native, {});
    for (const View& view : views()) {
      // `ct state new` in the reply direction does not happen; everything else is asked of the connection itself.
      EXPECT_EQ(any_passes(lists, packet_of(view)), asked_for(test, view))
          << text(test) << " ct state " << view.ct_state;
    }
  }
}

TEST(StateNative, NeedsOneListAndNoMark) {
  for (const test::Connection& test : all_tests()) {
    const auto lists = lower_connection(test, StateMethod::Native, {});
    ASSERT_THAT(lists, SizeIs(1)) << text(test);
    for (const Expression& expression : lists[0]) {
      const auto* load = std::get_if<expr::MetaLoad>(&expression);
      EXPECT_FALSE(load != nullptr && load->key == MetaKey::Mark) << text(test);
    }
  }
}

TEST(StateMethod, IsTheBestThatTheKernelHasForTheIpVersion) {
  struct Case {
    Probe conntrack, netfilter4, netfilter6;
    StateMethod ipv4, ipv6;
  };
  constexpr Probe kNo = Probe::No, kYes = Probe::Yes, kUnknown = Probe::Unknown;
  const std::vector<Case> cases = {
      {kYes, kNo, kNo, StateMethod::Native, StateMethod::Native},
      {kYes, kYes, kYes, StateMethod::Native, StateMethod::Native},
      {kNo, kYes, kYes, StateMethod::Mark, StateMethod::Mark},
      {kNo, kYes, kNo, StateMethod::Mark, StateMethod::None},
      {kNo, kNo, kYes, StateMethod::None, StateMethod::Mark},
      {kNo, kNo, kNo, StateMethod::None, StateMethod::None},
      {kUnknown, kYes, kYes, StateMethod::Mark, StateMethod::Mark},
      {kUnknown, kUnknown, kUnknown, StateMethod::None, StateMethod::None},
      {kNo, kUnknown, kYes, StateMethod::None, StateMethod::Mark},
  };
  for (const Case& given : cases) {
    Capabilities capabilities;
    capabilities.bridge_conntrack = given.conntrack;
    capabilities.bridge_netfilter4 = given.netfilter4;
    capabilities.bridge_netfilter6 = given.netfilter6;
    const std::string which = fmt::format("{} {} {}", static_cast<int>(given.conntrack),
                                          static_cast<int>(given.netfilter4), static_cast<int>(given.netfilter6));
    EXPECT_EQ(state_method(capabilities, false), given.ipv4) << which;
    EXPECT_EQ(state_method(capabilities, true), given.ipv6) << which;
  }
}

TEST(StateChain, CopiesEveryViewIntoItsCode) {
  for (const unsigned shift : kShifts)
    for (const bool by_kind : {false, true})
      for (const View& view : views())
        // Nothing that a packet brings along in our bits may be taken for what conntrack says.
        for (const std::uint32_t before : {0U, ~0U, 0x12345678U}) {
          const MarkBits bits{shift};
          Packet packet = packet_of(view);
          packet.mark = before;
          run(state_chain(bits, by_kind), packet);
          EXPECT_EQ(packet.mark, (before & ~bits.state_mask()) | static_cast<std::uint32_t>(view.code) << shift)
              << "shift " << shift << " by kind " << by_kind << " ct state " << view.ct_state;
        }
}

TEST(StateChain, LeavesPacketsAloneThatAreNotBridged) {
  for (const View& view : views()) {
    Packet packet = packet_of(view);
    packet.in_kind = "tun";
    packet.mark = 0x12345678;
    run(state_chain({}, true), packet);
    EXPECT_EQ(packet.mark, 0x12345678U);
  }
}

TEST(StateChain, AsksForTheKindOnlyWhereThatIsPossible) {
  const Chain chain = state_chain({}, false);
  for (const Rule& rule : chain.rules)
    for (const Expression& expression : rule.expressions) {
      const auto* load = std::get_if<expr::MetaLoad>(&expression);
      EXPECT_FALSE(load != nullptr && load->key == MetaKey::InterfaceInKind);
    }
}

TEST(StateChain, StandsBehindConntrackAndBeforeTheBridgesOwnChains) {
  const Chain chain = state_chain({}, true);
  ASSERT_TRUE(chain.base);
  EXPECT_EQ(chain.base->hook, Hook::Prerouting);
  EXPECT_GT(chain.base->priority, -200) << "linux/netfilter_ipv4.h: NF_IP_PRI_CONNTRACK";
  EXPECT_LE(chain.comment.size(), kMaxComment);
}

// A port's traffic must not change its meaning with the kernel it is on.
TEST(StateChain, MarkAndNativeAgreeOnEveryPacket) {
  for (const test::Connection& test : all_tests())
    for (const View& view : views()) {
      Packet packet = packet_of(view);
      const bool native = any_passes(lower_connection(test, StateMethod::Native, {}), packet);
      run(state_chain({}, true), packet);
      EXPECT_EQ(any_passes(lower_connection(test, StateMethod::Mark, {}), packet), native)
          << text(test) << " ct state " << view.ct_state;
    }
}

TEST(Mark, SetChangesTheMaskedBitsOnly) {
  for (const std::uint32_t before : {0U, ~0U, 0x12345678U})
    for (const auto& [mask, value] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{
             {0x07000000, 0x03000000}, {0x08000000, 0x08000000}, {0xf0000000, 0}, {0xff, 0x5a}, {~0U, 0xdeadbeef}}) {
      Packet packet;
      packet.mark = before;
      EXPECT_EQ(run(set_mark(mask, value), packet), VerdictCode::Continue);
      EXPECT_EQ(packet.mark, (before & ~mask) | value);
      EXPECT_TRUE(run(test_mark(mask, value), packet));
    }
}

TEST(Mark, TestLooksAtTheMaskedBitsOnly) {
  Packet packet;
  packet.mark = 0xa3000001;
  EXPECT_TRUE(run(test_mark(0x07000000, 0x03000000), packet));
  EXPECT_TRUE(run(test_mark(0xf0000000, 0xa0000000), packet));
  EXPECT_FALSE(run(test_mark(0x07000000, 0x01000000), packet));
  EXPECT_FALSE(run(test_mark(0x08000000, 0x08000000), packet));
  EXPECT_TRUE(run(test_mark(0x08000000, 0), packet));
}

TEST(Mark, BytesAreInTheRegistersOrder) {
  const Bytes bytes = mark_bytes(0x01020304);
  ASSERT_THAT(bytes, SizeIs(4));
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data(), 4);
  EXPECT_EQ(value, 0x01020304U);
}

TEST(Mark, OneByteHoldsStateRejectAndLimitApart) {
  for (const unsigned shift : kShifts) {
    const MarkBits bits{shift};
    EXPECT_EQ(bits.state_mask() & bits.reject(), 0U);
    EXPECT_EQ(bits.state_mask() & bits.limit_mask(), 0U);
    EXPECT_EQ(bits.reject() & bits.limit_mask(), 0U);
    EXPECT_EQ(bits.state_mask() | bits.reject() | bits.limit_mask(), 0xffU << shift);
    for (const View& view : views()) EXPECT_EQ(static_cast<std::uint32_t>(view.code) << shift & ~bits.state_mask(), 0U);
    for (unsigned id = 1; id <= kMaxMarkedLimits; ++id) {
      EXPECT_EQ(bits.limit(id) & ~bits.limit_mask(), 0U) << id;
      EXPECT_NE(bits.limit(id), 0U) << "a packet without a limit has zeros there";
      for (unsigned other = 1; other < id; ++other) EXPECT_NE(bits.limit(id), bits.limit(other));
    }
  }
}

}  // namespace
}  // namespace nwf
