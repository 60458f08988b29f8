// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/drops.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/ruleset/fingerprint.h"
#include "engine/ruleset/state.h"

namespace nwf {
namespace {

constexpr std::uint32_t kDay = 86400;
constexpr Register kAfterPort = PortName::kSize / 4;

}  // namespace

Set drops_set() {
  Set set;
  set.name = kDropsSet;
  set.key = {{KeyType::IfName, PortName::kSize}, {KeyType::Mark, 4}};
  set.dynamic = true;
  set.timeout_seconds = kDay;
  set.size = 1U << 18U;
  set.comment = "packets dropped, by port and rule";
  return set;
}

std::string dropped_chain_name(Direction direction) {
  return direction == Direction::Out ? "guest-out.dropped" : "guest-in.dropped";
}

bool is_dropped_chain(std::string_view name) {
  return name == dropped_chain_name(Direction::Out) || name == dropped_chain_name(Direction::In);
}

Chain dropped_chain(Direction direction) {
  Chain chain;
  chain.name = dropped_chain_name(direction);
  chain.comment = "counts what rules drop; the mark says which rule";
  const MetaKey port = direction == Direction::Out ? MetaKey::InterfaceIn : MetaKey::InterfaceOut;
  chain.rules.push_back({{expr::MetaLoad{port, 0}, expr::MetaLoad{MetaKey::Mark, kAfterPort},
                          expr::DynamicSet{expr::DynamicSet::Op::Count, std::string(kDropsSet), 0, 0, false}},
                         "by port and rule"});
  chain.rules.push_back({{expr::Immediate{{VerdictCode::Drop, {}}}}, "counted or not"});
  return chain;
}

std::vector<Expression> count_and_drop(Direction direction, std::uint32_t number) {
  return {expr::ImmediateData{0, mark_bytes(number)}, expr::MetaSetMark{0},
          expr::Immediate{{VerdictCode::Goto, dropped_chain_name(direction)}}};
}

std::vector<Expression> without_count(std::vector<Expression> expressions) {
  const auto* verdict = expressions.empty() ? nullptr : std::get_if<expr::Immediate>(&expressions.back());
  if (verdict == nullptr || !is_dropped_chain(verdict->verdict.chain)) return expressions;
  expressions.resize(expressions.size() - std::min<std::size_t>(expressions.size(), 3));
  expressions.emplace_back(expr::Immediate{{VerdictCode::Drop, {}}});
  return expressions;
}

std::uint32_t drop_number(std::size_t flow, std::string_view origin) {
  const std::uint64_t hash = fnv1a(fmt::format("{} {}", flow, origin));
  return static_cast<std::uint32_t>(hash ^ (hash >> 32U));
}

}  // namespace nwf
