// SPDX-License-Identifier: GPL-2.0-or-later
// The text of a file that a user names.
#pragma once

#include <istream>
#include <string>

#include "engine/error.h"

namespace nwf::tools {

/// Largest text that is read.
inline constexpr std::size_t kMaxInput = std::size_t{4} << 20;

/// "-" reads `standard_input` to its end.
Result<std::string> read_input(const std::string& file, std::istream& standard_input);

}  // namespace nwf::tools
