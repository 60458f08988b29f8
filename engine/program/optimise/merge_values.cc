// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/merge_values.h"

#include <algorithm>

#include "engine/program/optimise/keep.h"
#include "engine/program/optimise/origin.h"

namespace nwf {
namespace {

/// Fewer comparisons than this are as quick as a lookup.
constexpr std::size_t kLeastValues = 3;

const test::Compare* mergeable(const Test& test) {
  const auto* compare = std::get_if<test::Compare>(&test);
  // A bare number has no name of its own in a set of nft's; a mask has none in a lookup.
  const bool fits =
      compare != nullptr && !compare->negated && compare->field.mask.empty() && compare->field.type != KeyType::Integer;
  return fits ? compare : nullptr;
}

/// The one test in which two rules differ, both comparing the same field; nothing when they differ otherwise.
std::optional<std::size_t> difference(const ProgramRule& a, const ProgramRule& b) {
  if (a.action != b.action || a.tests.size() != b.tests.size() || has_side_effect(a)) return std::nullopt;
  std::optional<std::size_t> at;
  for (std::size_t i = 0; i < a.tests.size(); ++i) {
    if (a.tests[i] == b.tests[i]) continue;
    const auto *one = mergeable(a.tests[i]), *other = mergeable(b.tests[i]);
    if (at || one == nullptr || other == nullptr || one->field != other->field) return std::nullopt;
    // The others are told apart by it: without a type of its own a rule's later fields have no names.
    if (names_protocol(a.tests[i]) && std::any_of(a.tests.begin(), a.tests.end(), looks_inside)) return std::nullopt;
    at = i;
  }
  return at;
}

/// Side condition: the rules stand one behind the other and do the same, so that it is of no account which of them
/// matches first; and each matches when the tests they share hold and the field is there and has its value, which the
/// set says of all values at once.
void merge(ProgramChain& chain) {
  std::vector<ProgramEntry> merged;
  for (std::size_t i = 0; i < chain.entries.size();) {
    auto* first = std::get_if<ProgramRule>(&chain.entries[i].what);
    std::size_t end = i + 1;
    std::optional<std::size_t> at;
    std::vector<std::string> origins;
    std::set<Bytes> values;
    std::string origin;
    if (first != nullptr) {
      origins.push_back(first->origin);
      while (end < chain.entries.size()) {
        const auto* next = std::get_if<ProgramRule>(&chain.entries[end].what);
        const auto differs = next == nullptr ? std::nullopt : difference(*first, *next);
        if (!differs || (at && *at != *differs)) break;
        origins.push_back(next->origin);
        const auto named = merged_origin(origins);
        if (!named) break;
        at = differs;
        origin = *named;
        if (values.empty()) values.insert(mergeable(first->tests[*at])->value);
        values.insert(mergeable(next->tests[*at])->value);
        ++end;
      }
    }
    if (values.size() >= kLeastValues) {
      ProgramRule rule = std::move(*first);
      rule.tests[*at] = test::OneOf{mergeable(rule.tests[*at])->field, std::move(values)};
      rule.origin = std::move(origin);
      merged.push_back({std::move(rule)});
    } else {
      for (std::size_t e = i; e < end; ++e) merged.push_back(std::move(chain.entries[e]));
    }
    i = end;
  }
  chain.entries = std::move(merged);
}

}  // namespace

Program merge_values(Program program) {
  for (Flow& flow : program.flows)
    for (ProgramChain& chain : flow.chains) merge(chain);
  return program;
}

}  // namespace nwf
