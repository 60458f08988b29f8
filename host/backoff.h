// SPDX-License-Identifier: GPL-2.0-or-later
// How long to wait before what ended is started again: longer each time, and short again once it has lived a while.
#pragma once

#include <algorithm>
#include <chrono>

namespace nwf::host {

class Backoff {
 public:
  using Clock = std::chrono::steady_clock;

  /// It ended now: when to start it again.
  Clock::time_point ended(Clock::time_point now) {
    if (now - last_ > kLived) delay_ = kShortest;
    const Clock::time_point again = now + delay_;
    last_ = again;
    delay_ = std::min(delay_ * 2, kLongest);
    return again;
  }

 private:
  static constexpr std::chrono::milliseconds kShortest{500}, kLongest{30'000}, kLived{60'000};
  Clock::time_point last_{};
  std::chrono::milliseconds delay_ = kShortest;
};

}  // namespace nwf::host
