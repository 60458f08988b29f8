// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/utf8.h"

#include <gtest/gtest.h>

namespace nwf {
namespace {

TEST(Utf8Start, ShortTextIsWhole) {
  EXPECT_EQ(utf8_start("", 0), "");
  EXPECT_EQ(utf8_start("abc", 3), "abc");
  EXPECT_EQ(utf8_start("ä", 2), "ä");
}

TEST(Utf8Start, CharactersAreNotCut) {
  EXPECT_EQ(utf8_start("abcd", 3), "abc");
  EXPECT_EQ(utf8_start("aä", 2), "a");
  EXPECT_EQ(utf8_start("ä", 1), "");
  EXPECT_EQ(utf8_start("€uro", 2), "");
  EXPECT_EQ(utf8_start("€uro", 3), "€");
  EXPECT_EQ(utf8_start("\xf0\x9f\x98\x80x", 4), "\xf0\x9f\x98\x80");
  EXPECT_EQ(utf8_start("\xf0\x9f\x98\x80x", 3), "");
}

TEST(Utf8Start, WhatIsNoUtf8IsCutWhereAsked) { EXPECT_EQ(utf8_start(std::string(20, '\x80'), 10).size(), 10U); }

TEST(Shown, ControlCharactersAndLongTextsAreTold) {
  EXPECT_EQ(shown("plain"), "plain");
  EXPECT_EQ(shown("a\nb\x1b[0m\x7f"), "a\\x0ab\\x1b[0m\\x7f");
  EXPECT_EQ(shown(std::string(61, 'x')), std::string(60, 'x') + "…");
  EXPECT_EQ(shown(std::string(59, 'x') + "ä"), std::string(59, 'x') + "…");
}

}  // namespace
}  // namespace nwf
