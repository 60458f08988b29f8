// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nwf {
namespace {

using ::testing::IsEmpty;

Error error_of(std::string message, Source where = {}, std::string remedy = {}) {
  return {ErrorKind::Invalid, std::move(message), std::move(where), std::move(remedy), {}};
}

TEST(Error, DescribeSaysPlaceMessageAndRemedyAsFarAsTheyAreKnown) {
  struct Case {
    std::string name;
    Error error;
    std::string text;
  };
  const std::vector<Case> cases = {
      {"message alone", error_of("no such filter 'x'"), "no such filter 'x'"},
      {"a remedy", error_of("no such filter 'x'", {}, "define it first"), "no such filter 'x'; define it first"},
      {"a file", error_of("is empty", {"a.xml", 0, 0}), "a.xml: is empty"},
      {"a line", error_of("bad rule", {"a.xml", 12, 0}), "a.xml:12: bad rule"},
      {"a column", error_of("bad rule", {"a.xml", 12, 7}), "a.xml:12:7: bad rule"},
      {"a column without a line is no place", error_of("bad rule", {"a.xml", 0, 7}), "a.xml: bad rule"},
      {"everything", error_of("bad port '70000'", {"a.xml", 1, 2}, "0 to 65535"),
       "a.xml:1:2: bad port '70000'; 0 to 65535"},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.name);
    EXPECT_EQ(describe(given.error), given.text);
  }
}

TEST(Error, DescribeIsOfOneErrorAlone) {
  Error error = error_of("first", {"a.xml", 1, 1});
  error.more.push_back(error_of("second"));
  EXPECT_EQ(describe(error), "a.xml:1:1: first");
}

TEST(Error, DescribeAllHasALineForEachMistakeInOrder) {
  Error error = error_of("first", {"a.xml", 1, 1}, "do this");
  error.more.push_back(error_of("second", {"a.xml", 2, 3}));
  error.more.push_back(error_of("third", {"a.xml", 9, 1}, "do that"));
  EXPECT_EQ(describe_all(error), "a.xml:1:1: first; do this\na.xml:2:3: second\na.xml:9:1: third; do that");
}

TEST(Error, DescribeAllOfASingleMistakeIsItsDescription) {
  const Error error = error_of("first", {"a.xml", 1, 1}, "do this");
  EXPECT_EQ(describe_all(error), describe(error));
}

TEST(Error, DescribeAllReachesMistakesOfMistakes) {
  Error inner = error_of("second");
  inner.more.push_back(error_of("third"));
  Error error = error_of("first");
  error.more.push_back(inner);
  error.more.push_back(error_of("fourth"));
  EXPECT_EQ(describe_all(error), "first\nsecond\nthird\nfourth");
}

TEST(Error, AtGivesAPlaceToAnErrorWithoutOne) {
  const Error error = error_of("bad value").at({"a.xml", 3, 4});
  EXPECT_EQ(error.where, (Source{"a.xml", 3, 4}));
  EXPECT_EQ(error.message, "bad value");
}

TEST(Error, AtKeepsThePlaceThatIsNearerToTheMistake) {
  const Error error = error_of("bad value", {"a.xml", 7, 8}).at({"a.xml", 3, 4});
  EXPECT_EQ(error.where, (Source{"a.xml", 7, 8}));
}

TEST(Error, InSaysWhereInTheMessage) {
  Error error = error_of("out of range", {"a.xml", 7, 8}, "use 1 to 5");
  error.kind = ErrorKind::Refused;
  const Error inside = std::move(error).in("port vnet0").in("binding");
  EXPECT_EQ(inside.message, "binding: port vnet0: out of range");
  EXPECT_EQ(inside.kind, ErrorKind::Refused);
  EXPECT_EQ(inside.where, (Source{"a.xml", 7, 8}));
  EXPECT_EQ(inside.remedy, "use 1 to 5");
}

TEST(Error, FailMakesAResultThatHoldsTheError) {
  const Result<int> result = fail(ErrorKind::Storage, "cannot write", "make room");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Storage);
  EXPECT_EQ(result.error().message, "cannot write");
  EXPECT_EQ(result.error().remedy, "make room");
  EXPECT_EQ(result.error().where, Source{});
  EXPECT_THAT(result.error().more, IsEmpty());
}

Result<int> half(int number) {
  if (number % 2 != 0) return fail(ErrorKind::Invalid, "odd");
  return number / 2;
}

Result<std::string> quarter(int number) {
  NWF_TRY(const int first, half(number));
  NWF_TRY(const int second, half(first));
  return std::to_string(second);
}

Result<void> must_be_even(int number, bool& reached_end) {
  NWF_CHECK(half(number));
  reached_end = true;
  return {};
}

TEST(Error, TryGivesTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(12), "3");
  for (const int odd : {7, 6}) {
    const auto result = quarter(odd);
    ASSERT_FALSE(result) << odd;
    EXPECT_EQ(result.error().message, "odd");
  }
}

TEST(Error, CheckGoesOnOrReturnsTheError) {
  bool reached_end = false;
  const auto bad = must_be_even(3, reached_end);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "odd");
  EXPECT_FALSE(reached_end);
  EXPECT_TRUE(must_be_even(4, reached_end));
  EXPECT_TRUE(reached_end);
}

}  // namespace
}  // namespace nwf
