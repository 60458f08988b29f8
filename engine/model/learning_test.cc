// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/learning.h"

#include <gtest/gtest.h>

namespace nwf {
namespace {

TEST(LearningMode, IsTheBindingsElseTheDefault) {
  EXPECT_EQ(*learning_of({}, Learning::Dhcp), Learning::Dhcp);
  EXPECT_EQ(*learning_of({{"CTRL_IP_LEARNING", {"any"}}}, Learning::Dhcp), Learning::Any);
  EXPECT_EQ(*learning_of({{"CTRL_IP_LEARNING", {"none"}}}, Learning::Any), Learning::None);
}

TEST(LearningMode, IsTakenInAnyCase) {
  EXPECT_EQ(*learning_of({{"CTRL_IP_LEARNING", {"DHCP"}}}, Learning::Any), Learning::Dhcp);
}

TEST(LearningMode, AnotherWordIsRefused) {
  const auto wrong = learning_of({{"CTRL_IP_LEARNING", {"sometimes"}}}, Learning::Any);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().kind, ErrorKind::Invalid);
  EXPECT_EQ(describe(wrong.error()), "CTRL_IP_LEARNING='sometimes' is no way to learn; use any, dhcp or none");
}

}  // namespace
}  // namespace nwf
