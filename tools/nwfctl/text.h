// SPDX-License-Identifier: GPL-2.0-or-later
// A verb's value for people.
#pragma once

#include <string>

#include "tools/nwfctl/value.h"

namespace nwf::tools {

struct Style {
  bool color = false;
};

struct Text {
  std::string out;   ///< for standard output
  std::string talk;  ///< for standard error: warnings and notes
};

/// `style` is that of standard output, `talk_style` that of standard error.
Text to_text(const Value& value, Style style, Style talk_style);
/// One line each for the error and its further mistakes.
std::string to_text(const Error& error, Style style);

}  // namespace nwf::tools
