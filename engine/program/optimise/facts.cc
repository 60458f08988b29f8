// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/facts.h"

#include <algorithm>
#include <type_traits>

namespace nwf {
namespace {

bool same_place(const PacketField& a, const PacketField& b) {
  return a.base == b.base && a.offset == b.offset && a.length == b.length && a.type == b.type && a.l4proto == b.l4proto;
}

/// The field's bytes, when `known` says them, as `field` sees them through its mask. `room` may come to hold them.
const Bytes* bytes_of(const test::Compare& known, const PacketField& field, Bytes& room) {
  if (known.negated || !same_place(known.field, field)) return nullptr;
  if (known.field.mask == field.mask) return &known.value;
  if (!known.field.mask.empty()) return nullptr;  // some of the bits only
  room = known.value;
  for (std::size_t i = 0; i < room.size() && i < field.mask.size(); ++i) room[i] &= field.mask[i];
  return &room;
}

std::size_t mixed(std::size_t hash, std::size_t more) {
  constexpr std::size_t kPrime = 0x100000001b3;
  return (hash ^ more) * kPrime;
}

std::size_t mixed(std::size_t hash, const Bytes& bytes) {
  for (const std::uint8_t byte : bytes) hash = mixed(hash, byte);
  return hash;
}

/// Equal tests have equal hashes. Of what tests seldom differ in alone nothing is in it.
struct Hash {
  std::size_t operator()(const test::Compare& t) const { return mixed(t.field.offset + t.field.length, t.value); }
  std::size_t operator()(const test::Range& t) const { return mixed(mixed(t.field.offset, t.low), t.high); }
  std::size_t operator()(const test::OneOf& t) const {
    return t.values.empty() ? t.field.offset : mixed(t.field.offset, *t.values.begin());
  }
  std::size_t operator()(const test::Member& t) const {
    return t.fields.empty() ? 0 : mixed(t.fields.front().offset, t.fields.size());
  }
  std::size_t operator()(const test::Connection& t) const { return t.states; }
  std::size_t operator()(const test::TcpOption& t) const { return t.kind; }
  std::size_t operator()(const test::GratuitousArp&) const { return 1; }
  std::size_t operator()(const test::ConnectionLimit& t) const { return t.above; }
  std::size_t operator()(const test::Ipset& t) const { return t.name.size(); }
};

std::size_t hash_of(const Test& test) { return mixed(test.index(), std::visit(Hash(), test)); }

struct FieldBit {
  template <class T>
  std::uint64_t operator()(const T& t) const {
    if constexpr (std::is_same_v<T, test::Compare> || std::is_same_v<T, test::Range> || std::is_same_v<T, test::OneOf>)
      return bit(std::uint64_t{t.field.offset} * 8U + static_cast<std::uint64_t>(t.field.base) * 2U +
                 (t.field.l4proto ? 1U : 0U));
    else if constexpr (std::is_same_v<T, test::Member>)
      return t.fields.empty() ? 1 : bit(t.fields.front().offset + t.fields.size());
    else
      return 1;
  }
  static std::uint64_t bit(std::uint64_t number) {
    constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;  // spreads what lies close together
    return std::uint64_t{1} << (number * kGolden >> 58U);
  }
};

std::uint64_t field_of(const Test& test) { return std::visit(FieldBit(), test); }

}  // namespace

Facts::Glance::Glance(const Test& of) : test(&of), hash(hash_of(of)), field(field_of(of)) {}

Facts::Glance::Glance(std::shared_ptr<const Test> of) : Glance(*of) { kept = std::move(of); }

void Facts::holds(const Test& test) {
  if (std::find(true_.begin(), true_.end(), Glance(test)) == true_.end())
    true_.emplace_back(std::make_shared<const Test>(test));
}

void Facts::fails(std::vector<Test> tests) {
  if (tests.empty()) return;
  const auto conjunction = std::make_shared<Conjunction>();
  conjunction->tests.reserve(tests.size());
  for (Test& test : tests) {
    conjunction->tests.emplace_back(std::make_shared<const Test>(std::move(test)));
    conjunction->fields |= conjunction->tests.back().field;
  }
  fails(Shared(conjunction));
}

void Facts::fails(Shared tests) {
  for (const Glance& test : tests->tests) {
    const auto behind =
        std::ranges::upper_bound(false_with_, test.hash, {}, [](const auto& with) { return with.first; });
    const bool there = behind != false_with_.begin() && *std::prev(behind) == std::pair(test.hash, tests.get());
    if (!there) false_with_.insert(behind, {test.hash, tests.get()});
  }
  false_.push_back(std::move(tests));
}

std::span<const std::pair<std::size_t, const Facts::Conjunction*>> Facts::false_with(std::size_t hash) const {
  const auto first = std::ranges::lower_bound(false_with_, hash, {}, [](const auto& with) { return with.first; });
  const auto last = std::find_if(first, false_with_.end(), [&](const auto& with) { return with.first != hash; });
  return {first, last};
}

template <class Wanted>
bool Facts::any_known(const Also& also, Wanted wanted) const {
  return std::any_of(true_.begin(), true_.end(), wanted) ||
         std::any_of(also.more.begin(), also.more.begin() + static_cast<std::ptrdiff_t>(also.count), wanted);
}

bool Facts::known_to_hold(const Glance& test, const Also& also) const {
  return any_known(also, [&](const Glance& known) { return known == test; });
}

/// From a comparison known to hold: the field is there, and its bytes are known. A comparison known to fail says less:
/// the field may be missing, and then its opposite fails as well.
std::optional<bool> Facts::by_comparison(const Glance& test, const Also& also) const {
  std::optional<bool> answer;
  Bytes room;
  any_known(also, [&](const Glance& fact) {
    if (fact.field != test.field) return false;
    const auto* known = std::get_if<test::Compare>(fact.test);
    if (known == nullptr) return false;
    if (const auto* compare = std::get_if<test::Compare>(test.test)) {
      if (const Bytes* bytes = bytes_of(*known, compare->field, room))
        answer = (*bytes == compare->value) != compare->negated;
      else if (known->negated && known->field == compare->field && known->value == compare->value)
        answer = compare->negated;
    } else if (const auto* range = std::get_if<test::Range>(test.test)) {
      if (const Bytes* bytes = bytes_of(*known, range->field, room))
        answer = (range->low <= *bytes && *bytes <= range->high) != range->negated;
    } else if (const auto* any = std::get_if<test::OneOf>(test.test)) {
      if (const Bytes* bytes = bytes_of(*known, any->field, room)) answer = any->values.contains(*bytes);
    }
    return answer.has_value();
  });
  return answer;
}

std::optional<bool> Facts::value(const Glance& test, const Also& also) const {
  if (known_to_hold(test, also)) return true;
  if (const auto known = by_comparison(test, also)) return known;
  const auto with = false_with(test.hash);
  if (with.empty()) return std::nullopt;
  // Only of a field of which something is known can another test be known to hold.
  std::uint64_t fields = test.field;
  for (const Glance& known : true_) fields |= known.field;
  for (std::size_t i = 0; i < also.count; ++i) fields |= also.more[i].field;
  for (const auto& [hash, conjunction] : with) {
    if ((conjunction->fields & ~fields) != 0) continue;
    bool has_it = false, others_hold = true;
    for (const Glance& other : conjunction->tests) {
      if (other == test)
        has_it = true;
      else if (!known_to_hold(other, also) && by_comparison(other, also) != true)
        others_hold = false;
      if (!others_hold) break;
    }
    if (has_it && others_hold) return false;
  }
  return std::nullopt;
}

std::optional<bool> Facts::value(const Test& test) const { return value(Glance(test), {true_, 0}); }

std::optional<bool> Facts::value(const std::vector<Test>& tests) const {
  const std::vector<Glance> glances(tests.begin(), tests.end());
  bool all = true;
  for (std::size_t i = 0; i < glances.size(); ++i) {
    // An earlier test of the same rule is known to the later ones.
    const auto one = value(glances[i], {glances, i});
    if (one == false) return false;
    all = all && one == true;
  }
  if (all) return true;
  return std::nullopt;
}

std::vector<bool> Facts::implied(const std::vector<Test>& tests) const {
  const std::vector<Glance> glances(tests.begin(), tests.end());
  std::vector<bool> result;
  for (std::size_t i = 0; i < glances.size(); ++i) result.push_back(value(glances[i], {glances, i}) == true);
  return result;
}

Facts Facts::both(const Facts& a, const Facts& b) {
  Facts result;
  for (const Glance& test : a.true_)
    if (std::find(b.true_.begin(), b.true_.end(), test) != b.true_.end()) result.true_.push_back(test);
  for (const Shared& tests : a.false_) {
    const auto same = [&](const auto& with) {
      return with.second == tests.get() || with.second->tests == tests->tests;
    };
    if (std::ranges::any_of(b.false_with(tests->tests.front().hash), same)) result.fails(tests);
  }
  return result;
}

}  // namespace nwf
