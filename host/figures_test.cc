// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/figures.h"

#include <gtest/gtest.h>

namespace nwf::host {
namespace {

TEST(Latency, EachDurationIsInTheClassThatEndsWithIt) {
  Latency latency;
  latency.add(0);
  latency.add(10);
  latency.add(11);
  latency.add(1'000'000);
  latency.add(1'000'001);
  EXPECT_EQ(latency.classes.front(), 2U) << "up to 10 µs";
  EXPECT_EQ(latency.classes[1], 1U) << "up to 20 µs";
  EXPECT_EQ(latency.classes[kLatencyClasses.size() - 1], 1U) << "up to a second";
  EXPECT_EQ(latency.classes.back(), 1U) << "longer";
  EXPECT_EQ(latency.count, 5U);
  EXPECT_EQ(latency.sum_us, 2'000'022U);
}

TEST(Latency, AQuantileIsTheEndOfItsClass) {
  Latency latency;
  EXPECT_EQ(latency.quantile_us(0.5), 0U) << "nothing was counted";
  for (int i = 0; i < 99; ++i) latency.add(15);
  latency.add(700);
  EXPECT_EQ(latency.quantile_us(0.5), 20U);
  EXPECT_EQ(latency.quantile_us(0.99), 20U);
  EXPECT_EQ(latency.quantile_us(0.991), 1000U);
  EXPECT_EQ(latency.quantile_us(1), 1000U);
}

TEST(Latency, TheLastClassHasNoEnd) {
  Latency latency;
  latency.add(5'000'000);
  EXPECT_EQ(latency.quantile_us(0.5), std::nullopt);
}

/// What an nwfd of another release sent may have other classes.
TEST(Latency, FewerClassesAreReadAsFarAsTheyGo) {
  const Latency latency{{3}, 4, 100};
  EXPECT_EQ(latency.quantile_us(0.5), 10U);
  EXPECT_EQ(latency.quantile_us(1), std::nullopt);
}

}  // namespace
}  // namespace nwf::host
