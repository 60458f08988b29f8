// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/progress_line.h"

#include <fmt/format.h>

namespace nwf::tools {
namespace {

constexpr std::chrono::milliseconds kPatience{300}, kPause{100};
/// ECMA-48: to the line's begin, erase to its end.
constexpr std::string_view kEraseLine = "\r\033[K";

}  // namespace

ProgressLine::ProgressLine(Terminal& terminal) : terminal_(terminal), next_(Clock::now() + kPatience) {}

ProgressLine::~ProgressLine() {
  if (shown_) terminal_.err << kEraseLine << std::flush;
}

void ProgressLine::show(std::string_view doing, std::size_t done, std::size_t all) {
  const auto now = Clock::now();
  if (!terminal_.err_is_terminal || now < next_) return;
  next_ = now + kPause;
  shown_ = true;
  terminal_.err << kEraseLine
                << (done == 0 ? fmt::format("{} {} …", doing, all) : fmt::format("{} {} of {}", doing, done, all))
                << std::flush;
}

}  // namespace nwf::tools
