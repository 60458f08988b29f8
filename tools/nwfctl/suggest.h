// SPDX-License-Identifier: GPL-2.0-or-later
// "did you mean": the known word nearest to an unknown one.
#pragma once

#include <string_view>
#include <vector>

namespace nwf::tools {

/// Empty when none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace nwf::tools
