// SPDX-License-Identifier: GPL-2.0-or-later
// How far long work is, as one line of a terminal that is written over and goes away at the end.
#pragma once

#include <chrono>
#include <string_view>

#include "tools/nwfctl/terminal.h"

namespace nwf::tools {

/// Shows nothing where standard error is no terminal, nor when the work turns out to be short.
class ProgressLine {
 public:
  explicit ProgressLine(Terminal& terminal);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();

  void show(std::string_view doing, std::size_t done, std::size_t all);

 private:
  using Clock = std::chrono::steady_clock;
  Terminal& terminal_;
  Clock::time_point next_;
  bool shown_ = false;
};

}  // namespace nwf::tools
