// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/backoff.h"

#include <gtest/gtest.h>

namespace nwf::host {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, WaitsLongerEachTimeUpToHalfAMinute) {
  Backoff backoff;
  Backoff::Clock::time_point now{1h};
  for (const auto expected : {500ms, 1000ms, 2000ms, 4000ms, 8000ms, 16000ms, 30000ms, 30000ms}) {
    const auto again = backoff.ended(now);
    EXPECT_EQ(again - now, expected);
    now = again + 1ms;
  }
}

TEST(Backoff, IsShortAgainForWhatLived) {
  Backoff backoff;
  Backoff::Clock::time_point now{1h};
  now = backoff.ended(now);
  now = backoff.ended(now);
  EXPECT_EQ(backoff.ended(now + 61s) - (now + 61s), 500ms);
}

}  // namespace
}  // namespace nwf::host
