// SPDX-License-Identifier: GPL-2.0-or-later
// "Did you mean …?"
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nwf::xml {

/// The candidate nearest to `word` by letters added, dropped, changed or swapped; empty when none is near.
std::string nearest(std::string_view word, const std::vector<std::string_view>& candidates);

/// "did you mean 'x'?" when one is near, else "use one of a, b, c".
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace nwf::xml
