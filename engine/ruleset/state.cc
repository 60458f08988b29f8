// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/state.h"

#include <array>
#include <bit>
#include <cassert>
#include <cstring>

namespace nwf {
namespace {

constexpr std::uint8_t kOriginal = 0, kReply = 1;  // linux/netfilter/nf_conntrack_tuple_common.h: IP_CT_DIR_*

/// The codes a test accepts, as a set of bits: bit n for code n.
unsigned accepted_codes(const test::Connection& test) {
  unsigned codes = 0;
  const auto add = [&](StateCode code) { codes |= 1U << static_cast<unsigned>(code); };
  const bool original = test.direction != ConnDirection::Reply, reply = test.direction != ConnDirection::Original;
  if ((test.states & kConnNew) != 0 && original) add(StateCode::New);
  if ((test.states & kConnEstablished) != 0) {
    if (original) add(StateCode::EstablishedOriginal);
    if (reply) add(StateCode::EstablishedReply);
  }
  if ((test.states & kConnRelated) != 0) {
    if (original) add(StateCode::RelatedOriginal);
    if (reply) add(StateCode::RelatedReply);
  }
  if ((test.states & kConnInvalid) != 0 && test.direction == ConnDirection::Any) add(StateCode::Invalid);
  return codes;
}

/// Three-bit patterns with "do not care" bits that together are exactly `codes`, few of them: largest first.
struct Pattern {
  unsigned mask;
  unsigned value;
};
std::vector<Pattern> cover(unsigned codes) {
  std::vector<Pattern> patterns;
  unsigned left = codes;
  for (int care = 0; care <= 3 && left != 0; ++care)
    for (unsigned mask = 0; mask < 8; ++mask) {
      if (std::popcount(mask) != care) continue;
      for (unsigned value = 0; value < 8; ++value) {
        if ((value & ~mask) != 0) continue;
        unsigned set = 0;
        for (unsigned code = 0; code < 8; ++code)
          if ((code & mask) == value) set |= 1U << code;
        if ((set & ~codes) != 0 || (set & left) == 0) continue;
        patterns.push_back({mask, value});
        left &= ~set;
      }
    }
  return patterns;
}

Rule copy_rule(const MarkBits& bits, std::uint32_t state, std::optional<std::uint8_t> direction, StateCode code,
               std::string comment) {
  Rule rule;
  rule.comment = std::move(comment);
  rule.expressions = {expr::CtLoad{CtKey::State, 0}, expr::Bitwise{0, 0, mark_bytes(state), Bytes(4)},
                      expr::Compare{0, CompareOp::NotEqual, Bytes(4)}};
  if (direction) {
    rule.expressions.emplace_back(expr::CtLoad{CtKey::Direction, 0});
    rule.expressions.emplace_back(expr::Compare{0, CompareOp::Equal, {*direction}});
  }
  for (Expression& expression : set_mark(bits.state_mask(), static_cast<std::uint32_t>(code) << bits.shift))
    rule.expressions.push_back(std::move(expression));
  rule.expressions.emplace_back(expr::Immediate{{VerdictCode::Return, {}}});
  return rule;
}

}  // namespace

Bytes mark_bytes(std::uint32_t value) {
  Bytes bytes(4);
  std::memcpy(bytes.data(), &value, 4);
  return bytes;
}

std::vector<Expression> set_mark(std::uint32_t mask, std::uint32_t value) {
  return {expr::MetaLoad{MetaKey::Mark, 0}, expr::Bitwise{0, 0, mark_bytes(~mask), mark_bytes(value)},
          expr::MetaSetMark{0}};
}

std::vector<Expression> test_mark(std::uint32_t mask, std::uint32_t value) {
  return {expr::MetaLoad{MetaKey::Mark, 0}, expr::Bitwise{0, 0, mark_bytes(mask), Bytes(4)},
          expr::Compare{0, CompareOp::Equal, mark_bytes(value)}};
}

StateMethod state_method(const Capabilities& capabilities, bool ipv6) {
  if (capabilities.bridge_conntrack == Probe::Yes) return StateMethod::Native;
  const Probe netfilter = ipv6 ? capabilities.bridge_netfilter6 : capabilities.bridge_netfilter4;
  return netfilter == Probe::Yes ? StateMethod::Mark : StateMethod::None;
}

std::vector<std::vector<Expression>> lower_connection(const test::Connection& test, StateMethod method,
                                                      const MarkBits& bits) {
  assert(method != StateMethod::None);
  if (method == StateMethod::Native) {
    std::uint32_t states = 0;
    if ((test.states & kConnNew) != 0) states |= kCtStateNew;
    if ((test.states & kConnEstablished) != 0) states |= kCtStateEstablished;
    if ((test.states & kConnRelated) != 0) states |= kCtStateRelated;
    if ((test.states & kConnInvalid) != 0) states |= kCtStateInvalid;
    std::vector<Expression> expressions{expr::CtLoad{CtKey::State, 0},
                                        expr::Bitwise{0, 0, mark_bytes(states), Bytes(4)},
                                        expr::Compare{0, CompareOp::NotEqual, Bytes(4)}};
    if (test.direction != ConnDirection::Any) {
      expressions.emplace_back(expr::CtLoad{CtKey::Direction, 0});
      expressions.emplace_back(
          expr::Compare{0, CompareOp::Equal, {test.direction == ConnDirection::Reply ? kReply : kOriginal}});
    }
    return {expressions};
  }
  std::vector<std::vector<Expression>> lists;
  for (const Pattern& pattern : cover(accepted_codes(test)))
    lists.push_back(test_mark(pattern.mask << bits.shift, pattern.value << bits.shift));
  return lists;
}

Chain state_chain(const MarkBits& bits, bool by_kind) {
  Chain chain;
  chain.name = "connection-state";
  // Conntrack is at -200; the bridge's own chains that read the mark come after the whole of inet prerouting.
  chain.base = BaseHook{Hook::Prerouting, -150};
  chain.comment = "copies a bridged packet's connection state into its mark";
  if (by_kind) {
    Bytes bridge(16);
    std::memcpy(bridge.data(), "bridge", 6);
    chain.rules.push_back({{expr::MetaLoad{MetaKey::InterfaceInKind, 0}, expr::Compare{0, CompareOp::NotEqual, bridge},
                            expr::Immediate{{VerdictCode::Return, {}}}},
                           "not bridged"});
  }
  chain.rules.push_back(
      copy_rule(bits, kCtStateEstablished, kReply, StateCode::EstablishedReply, "established, reply"));
  chain.rules.push_back(
      copy_rule(bits, kCtStateEstablished, {}, StateCode::EstablishedOriginal, "established, original"));
  chain.rules.push_back(copy_rule(bits, kCtStateNew, {}, StateCode::New, "new"));
  chain.rules.push_back(copy_rule(bits, kCtStateRelated, kReply, StateCode::RelatedReply, "related, reply"));
  chain.rules.push_back(copy_rule(bits, kCtStateRelated, {}, StateCode::RelatedOriginal, "related, original"));
  chain.rules.push_back(copy_rule(bits, kCtStateInvalid, {}, StateCode::Invalid, "invalid"));
  chain.rules.push_back(copy_rule(bits, kCtStateUntracked, {}, StateCode::Untracked, "untracked"));
  return chain;
}

}  // namespace nwf
