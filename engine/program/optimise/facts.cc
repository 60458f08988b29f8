// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/facts.h"

#include <algorithm>

namespace nwf {
namespace {

/// The field's bytes, when `known` says them, as `field` sees them through its mask.
std::optional<Bytes> bytes_of(const test::Compare& known, const PacketField& field) {
  if (known.negated) return std::nullopt;
  PacketField plain = field;
  plain.mask = known.field.mask;
  if (plain != known.field) return std::nullopt;
  if (known.field.mask == field.mask) return known.value;
  if (!known.field.mask.empty()) return std::nullopt;  // some of the bits only
  Bytes value = known.value;
  for (std::size_t i = 0; i < value.size() && i < field.mask.size(); ++i) value[i] &= field.mask[i];
  return value;
}

bool contains(const std::vector<Test>& tests, const Test& test) {
  return std::find(tests.begin(), tests.end(), test) != tests.end();
}

}  // namespace

void Facts::holds(const Test& test) {
  if (!contains(true_, test)) true_.push_back(test);
}

void Facts::fails(std::vector<Test> tests) {
  if (!tests.empty()) false_.push_back(std::move(tests));
}

/// From a comparison known to hold: the field is there, and its bytes are known. A comparison known to fail says less:
/// the field may be missing, and then its opposite fails as well.
std::optional<bool> Facts::by_comparison(const Test& test) const {
  for (const Test& fact : true_) {
    const auto* known = std::get_if<test::Compare>(&fact);
    if (known == nullptr) continue;
    if (const auto* compare = std::get_if<test::Compare>(&test)) {
      if (const auto bytes = bytes_of(*known, compare->field)) return (*bytes == compare->value) != compare->negated;
      if (known->negated && known->field == compare->field && known->value == compare->value) return compare->negated;
    } else if (const auto* range = std::get_if<test::Range>(&test)) {
      if (const auto bytes = bytes_of(*known, range->field))
        return (range->low <= *bytes && *bytes <= range->high) != range->negated;
    } else if (const auto* any = std::get_if<test::OneOf>(&test)) {
      if (const auto bytes = bytes_of(*known, any->field)) return any->values.contains(*bytes);
    }
  }
  return std::nullopt;
}

std::optional<bool> Facts::value(const Test& test) const {
  if (contains(true_, test)) return true;
  if (const auto known = by_comparison(test)) return known;
  const auto fails = std::any_of(false_.begin(), false_.end(), [&](const std::vector<Test>& tests) {
    return contains(tests, test) && std::all_of(tests.begin(), tests.end(), [&](const Test& other) {
             return other == test || contains(true_, other) || by_comparison(other) == true;
           });
  });
  if (fails) return false;
  return std::nullopt;
}

std::optional<bool> Facts::value(const std::vector<Test>& tests) const {
  bool all = true;
  Facts so_far = *this;  // an earlier test of the same rule is known to the later ones
  for (const Test& test : tests) {
    const auto one = so_far.value(test);
    if (one == false) return false;
    all = all && one == true;
    so_far.holds(test);
  }
  if (all) return true;
  return std::nullopt;
}

Facts Facts::both(const Facts& a, const Facts& b) {
  Facts result;
  for (const Test& test : a.true_)
    if (contains(b.true_, test)) result.true_.push_back(test);
  for (const auto& tests : a.false_)
    if (std::find(b.false_.begin(), b.false_.end(), tests) != b.false_.end()) result.false_.push_back(tests);
  return result;
}

}  // namespace nwf
