// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/origin.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace nwf {
namespace {

/// `FILTER rule N line L`, as FlatRule::origin() makes it.
struct Origin {
  std::string filter;
  int rule = 0;
  std::string rest;  ///< `rule N line L`
};

std::optional<Origin> parsed(const std::string& text) {
  constexpr std::string_view kRule = " rule ";
  const auto at = text.rfind(kRule);
  if (at == std::string::npos) return std::nullopt;
  Origin origin{text.substr(0, at), 0, text.substr(at + 1)};
  const char* number = text.data() + at + kRule.size();
  const auto read = std::from_chars(number, text.data() + text.size(), origin.rule);
  // A name that is itself made of several says more than one rule; it stays as it is.
  if (read.ec != std::errc{} || origin.filter.find(", ") != std::string::npos) return std::nullopt;
  return origin;
}

std::string in_full(const std::vector<std::string>& origins) {
  std::string text, filter;
  for (const std::string& each : origins) {
    const auto origin = parsed(each);
    const bool same = origin && origin->filter == filter;
    text += (text.empty() ? "" : ", ") + (same ? origin->rest : each);
    filter = origin ? origin->filter : "";
  }
  return text;
}

/// Filters in the order they come, rules by number.
std::string in_short(const std::vector<std::string>& origins) {
  std::vector<std::pair<std::string, std::vector<int>>> filters;
  for (const std::string& each : origins) {
    const auto origin = parsed(each);
    const std::string name = origin ? origin->filter : each;
    auto found = std::find_if(filters.begin(), filters.end(), [&](const auto& filter) { return filter.first == name; });
    if (found == filters.end()) found = filters.insert(filters.end(), {name, {}});
    if (origin) found->second.push_back(origin->rule);
  }
  std::string text;
  for (auto& [name, rules] : filters) {
    text += (text.empty() ? "" : ", ") + name;
    std::sort(rules.begin(), rules.end());
    if (!rules.empty()) text += rules.size() > 1 ? " rules " : " rule ";
    for (std::size_t i = 0; i < rules.size();) {
      std::size_t last = i;
      while (last + 1 < rules.size() && rules[last + 1] == rules[last] + 1) ++last;
      text += i > 0 ? "," : "";
      text += last > i ? fmt::format("{}-{}", rules[i], rules[last]) : fmt::format("{}", rules[i]);
      i = last + 1;
    }
  }
  return text;
}

}  // namespace

std::optional<std::string> merged_origin(const std::vector<std::string>& origins) {
  std::vector<std::string> once;
  for (const std::string& origin : origins)
    if (!origin.empty() && std::find(once.begin(), once.end(), origin) == once.end()) once.push_back(origin);
  if (once.size() == 1) return once[0];  // no longer than it was
  for (std::string text : {in_full(once), in_short(once)})
    if (text.size() <= kMaxMergedOrigin) return text;
  return std::nullopt;
}

}  // namespace nwf
