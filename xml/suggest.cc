// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/suggest.h"

#include <fmt/format.h>

#include <algorithm>

namespace nwf::xml {
namespace {

/// Optimal string alignment distance. Words here are short; longer ones are no misspelling of anything.
std::size_t distance(std::string_view a, std::string_view b) {
  constexpr std::size_t kLongest = 40;
  if (a.size() > kLongest || b.size() > kLongest) return std::max(a.size(), b.size());
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates)
    // A distance as long as the words means that they have not a letter in common.
    if (const std::size_t d = distance(word, candidate); d < least && d < std::max(word.size(), candidate.size())) {
      least = d;
      best = candidate;
    }
  return std::string(best);
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (const std::string near = nearest(word, candidates); !near.empty()) return fmt::format("did you mean '{}'?", near);
  if (candidates.empty()) return "remove it";
  if (candidates.size() == 1) return fmt::format("use '{}'", candidates.front());
  return fmt::format("use one of {}", fmt::join(candidates, ", "));
}

}  // namespace nwf::xml
