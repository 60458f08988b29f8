// SPDX-License-Identifier: GPL-2.0-or-later
// What a fuzz target insists on: a broken promise ends the process, so that libFuzzer keeps the input.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/error.h"

namespace nwf::fuzz {

inline void must(bool holds, std::string_view promise, std::string_view about) {
  if (holds) return;
  std::fprintf(stderr, "broken: %.*s\n%.*s\n", static_cast<int>(promise.size()), promise.data(),
               static_cast<int>(about.size()), about.data());
  std::abort();
}

/// A refusal of a text is told with its place, on one line, and not at a length the text decides.
inline void must_be_told(const Error& error) {
  const std::string text = describe(error);
  must(error.kind == ErrorKind::Invalid && !error.message.empty(), "a text is Invalid, with a message", text);
  must(error.where.file == "a.xml" && error.where.line > 0, "a mistake has a place", text);
  must(text.find('\n') == std::string::npos && text.size() < 2000, "a mistake is one line", text);
  for (const Error& further : error.more) must_be_told(further);
}

}  // namespace nwf::fuzz
