// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/learning.h"

#include <fmt/format.h>

#include <algorithm>

namespace nwf {
namespace {

constexpr std::array<std::pair<Learning, std::string_view>, 3> kNames = {
    {{Learning::Any, "any"}, {Learning::Dhcp, "dhcp"}, {Learning::None, "none"}}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::string_view learning_name(Learning learning) {
  for (const auto& [value, name] : kNames)
    if (value == learning) return name;
  return "none";
}

std::optional<Learning> parse_learning(std::string_view text) {
  for (const auto& [value, name] : kNames)
    if (std::equal(text.begin(), text.end(), name.begin(), name.end(), [](char a, char b) { return lower(a) == b; }))
      return value;
  return std::nullopt;
}

bool can_be_learned(std::string_view variable) {
  return std::find(kLearnedVariables.begin(), kLearnedVariables.end(), variable) != kLearnedVariables.end();
}

Result<Learning> learning_of(const Variables& variables, Learning by_default) {
  const auto given = variables.find(std::string(kLearningVariable));
  if (given == variables.end() || given->second.empty()) return by_default;
  const auto learning = parse_learning(given->second.front());
  if (!learning)
    return fail(ErrorKind::Invalid, fmt::format("{}='{}' is no way to learn", kLearningVariable, given->second.front()),
                "use any, dhcp or none");
  return *learning;
}

}  // namespace nwf
