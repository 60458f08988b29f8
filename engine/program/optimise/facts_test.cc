// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/facts.h"

#include <gtest/gtest.h>

#include "engine/program/packet_field.h"

namespace nwf {
namespace {

using ProgramTest = nwf::Test;  // inside TEST(), Test is GoogleTest's own

test::Compare compare(Bytes value, bool negated = false, Bytes mask = {}) {
  PacketField field = packet_field(Field::SrcIp4, Protocol::Ip);
  field.mask = std::move(mask);
  return {field, std::move(value), negated};
}
test::Range range(Bytes low, Bytes high, bool negated = false) {
  return {packet_field(Field::SrcIp4, Protocol::Ip), std::move(low), std::move(high), negated};
}

TEST(Facts, AKnownValueAnswersEveryComparison) {
  Facts facts;
  facts.holds(compare({10, 0, 0, 1}));
  const Bytes net{255, 255, 255, 0};
  EXPECT_EQ(facts.value(compare({10, 0, 0, 1})), true);
  EXPECT_EQ(facts.value(compare({10, 0, 0, 2})), false);
  EXPECT_EQ(facts.value(compare({10, 0, 0, 1}, true)), false);
  EXPECT_EQ(facts.value(compare({10, 0, 0, 2}, true)), true);
  EXPECT_EQ(facts.value(compare({10, 0, 0, 0}, false, net)), true);
  EXPECT_EQ(facts.value(compare({10, 0, 1, 0}, false, net)), false);
  EXPECT_EQ(facts.value(range({10, 0, 0, 0}, {10, 0, 0, 9})), true);
  EXPECT_EQ(facts.value(range({10, 0, 0, 2}, {10, 0, 0, 9})), false);
  EXPECT_EQ(facts.value(range({10, 0, 0, 2}, {10, 0, 0, 9}, true)), true);
  EXPECT_EQ(facts.value(test::OneOf{packet_field(Field::SrcIp4, Protocol::Ip), {{10, 0, 0, 1}}}), true);
  EXPECT_EQ(facts.value(test::OneOf{packet_field(Field::SrcIp4, Protocol::Ip), {{10, 0, 0, 2}}}), false);
  EXPECT_EQ(facts.value(test::Compare{packet_field(Field::DstIp4, Protocol::Ip), {10, 0, 0, 1}, false}), std::nullopt);
}

TEST(Facts, SomeBitsOrAnotherValueSayLittle) {
  Facts facts;
  facts.holds(compare({10, 0, 0, 0}, false, {255, 0, 0, 0}));
  EXPECT_EQ(facts.value(compare({10, 0, 0, 1})), std::nullopt);
  Facts other;
  other.holds(compare({10, 0, 0, 1}, true));
  EXPECT_EQ(other.value(compare({10, 0, 0, 1})), false);
  EXPECT_EQ(other.value(compare({10, 0, 0, 2})), std::nullopt);
}

// A field may be missing: then neither a comparison nor its opposite holds.
TEST(Facts, WhatFailedDoesNotMakeItsOppositeHold) {
  Facts facts;
  facts.fails({compare({10, 0, 0, 1})});
  EXPECT_EQ(facts.value(compare({10, 0, 0, 1})), false);
  EXPECT_EQ(facts.value(compare({10, 0, 0, 1}, true)), std::nullopt);
}

TEST(Facts, OfTestsThatDoNotHoldTogetherTheLastFails) {
  const ProgramTest state = test::Connection{kConnNew, ConnDirection::Any};
  Facts facts;
  facts.fails({compare({10, 0, 0, 1}), state});
  EXPECT_EQ(facts.value(state), std::nullopt);
  facts.holds(compare({10, 0, 0, 1}));
  EXPECT_EQ(facts.value(state), false);
}

TEST(Facts, OfTwoWaysOnlyWhatBothKnow) {
  Facts a, b;
  a.holds(compare({10, 0, 0, 1}));
  b.holds(compare({10, 0, 0, 2}));
  EXPECT_EQ(Facts::both(a, b).value(compare({10, 0, 0, 1})), std::nullopt);
  b = a;
  EXPECT_EQ(Facts::both(a, b).value(compare({10, 0, 0, 1})), true);
}

TEST(Facts, TestsOfOneRuleKnowEachOther) {
  EXPECT_EQ(Facts().value(std::vector<ProgramTest>{compare({10, 0, 0, 1}), compare({10, 0, 0, 2})}), false);
  EXPECT_EQ(Facts().value(std::vector<ProgramTest>{compare({10, 0, 0, 1}), compare({10, 0, 0, 1})}), std::nullopt);
  EXPECT_EQ(Facts().value(std::vector<ProgramTest>{}), true);
}

}  // namespace
}  // namespace nwf
