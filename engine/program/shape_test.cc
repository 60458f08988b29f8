// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nwf {
namespace {

using ::testing::ElementsAre;
using ::testing::MatchesRegex;
using Kind = Fact::Kind;

TEST(Fact, HoldsForTheVariablesItSpeaksOf) {
  struct Case {
    std::string name;
    Kind kind;
    std::vector<std::string> values;  ///< of the fact
    bool none;                        ///< holds when $A is not given
    bool one;                         ///< when it is 1
    bool same;                        ///< when it is 1, 1
    bool two;                         ///< when it is 1, 2
  };
  const std::vector<Case> cases = {
      {"defined", Kind::Defined, {}, false, true, true, true},
      {"not defined", Kind::NotDefined, {}, true, false, false, false},
      {"single", Kind::Single, {}, false, true, true, false},
      {"values 1", Kind::Values, {"1"}, false, true, false, false},
      {"values 1 2", Kind::Values, {"1", "2"}, false, false, false, true},
      // in step with another list the order matters
      {"values 2 1", Kind::Values, {"2", "1"}, false, false, false, false},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.name);
    const Fact fact{given.kind, "A", given.values, {}};
    EXPECT_EQ(fact.holds({}), given.none);
    EXPECT_EQ(fact.holds({{"B", {"1"}}}), given.none) << "another variable";
    EXPECT_EQ(fact.holds({{"a", {"1"}}}), given.none) << "names are case sensitive";
    EXPECT_EQ(fact.holds({{"A", {"1"}}}), given.one);
    EXPECT_EQ(fact.holds({{"A", {"1", "1"}}}), given.same);
    EXPECT_EQ(fact.holds({{"A", {"1", "2"}}}), given.two);
  }
}

TEST(Fact, ItsReasonDoesNotCount) {
  const Fact fact{Kind::Values, "A", {"1"}, "this rule"};
  EXPECT_EQ(fact.key(), (Fact{Kind::Values, "A", {"1"}, "that rule"}).key());
  EXPECT_NE(fact.key(), (Fact{Kind::Values, "A", {"2"}, "this rule"}).key());
  EXPECT_NE(fact.key(), (Fact{Kind::Values, "A", {"1", "1"}, "this rule"}).key());
  EXPECT_NE(fact.key(), (Fact{Kind::Values, "B", {"1"}, "this rule"}).key());
  EXPECT_NE(fact.key(), (Fact{Kind::Single, "A", {"1"}, "this rule"}).key());
}

TEST(Shape, HoldsWhenAllItsFactsDo) {
  Shape shape;
  EXPECT_TRUE(shape.holds({})) << "no fact, nothing owed";
  shape.add({Kind::Single, "A", {}, {}});
  shape.add({Kind::NotDefined, "B", {}, {}});
  EXPECT_TRUE(shape.holds({{"A", {"1"}}, {"C", {"1", "2"}}}));
  EXPECT_FALSE(shape.holds({{"A", {"1", "2"}}}));
  EXPECT_FALSE(shape.holds({{"A", {"1"}}, {"B", {"1"}}}));
  EXPECT_FALSE(shape.holds({}));
}

TEST(Shape, AnEqualFactIsThereOnce) {
  Shape shape;
  shape.add({Kind::Single, "A", {}, "first"});
  shape.add({Kind::Single, "A", {}, "second"});
  ASSERT_EQ(shape.facts.size(), 1U);
  EXPECT_EQ(shape.facts[0].reason, "first");
}

// Two ports come to their facts in different orders.
TEST(Shape, DoesNotDependOnTheOrderOfItsFacts) {
  const std::vector<Fact> facts = {{Kind::Values, "C", {"1", "2"}, {}}, {Kind::Single, "A", {}, {}},
                                   {Kind::Defined, "B", {}, {}},        {Kind::Single, "D", {}, {}},
                                   {Kind::Values, "C", {"1", "2"}, {}}, {Kind::NotDefined, "A", {}, {}}};
  Shape forward;
  Shape backward;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    forward.add(facts[i]);
    backward.add(facts[facts.size() - 1 - i]);
  }
  EXPECT_EQ(forward.suffix(), backward.suffix());
  ASSERT_EQ(forward.facts.size(), 5U);
  for (std::size_t i = 0; i < forward.facts.size(); ++i) {
    EXPECT_EQ(forward.facts[i].key(), backward.facts[i].key());
    EXPECT_TRUE(i == 0 || forward.facts[i - 1].key() < forward.facts[i].key());
  }
}

TEST(Shape, ThePlainOneHasNoSuffix) {
  Shape shape;
  EXPECT_EQ(shape.suffix(), "");
  // the usual port: a single value, a parameter that it leaves to the reference
  shape.add({Kind::Single, "A", {}, {}});
  shape.add({Kind::NotDefined, "B", {}, {}});
  EXPECT_EQ(shape.suffix(), "");
}

TEST(Shape, OthersAreToldApartByEightHexadecimalDigits) {
  const auto suffix = [](Fact fact) {
    Shape shape;
    shape.add(std::move(fact));
    return shape.suffix();
  };
  const std::vector<std::string> suffixes = {
      suffix({Kind::Defined, "B", {}, {}}),        suffix({Kind::Defined, "A", {}, {}}),
      suffix({Kind::Values, "A", {"1"}, {}}),      suffix({Kind::Values, "A", {"2"}, {}}),
      suffix({Kind::Values, "A", {"1", "2"}, {}}), suffix({Kind::Values, "A", {"12"}, {}}),
  };
  for (std::size_t i = 0; i < suffixes.size(); ++i) {
    EXPECT_THAT(suffixes[i], MatchesRegex("[0-9a-f]{8}"));
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(suffixes[i], suffixes[j]) << i << " and " << j;
  }
}

ValueColumn column(const std::string& variable, KeyType type, std::size_t width, ValueKind kind, Bytes mask = {}) {
  return {{variable, VariableRef::Access::Iterator, 0}, kind, {type, width}, std::move(mask)};
}

ValueColumn ip(const std::string& variable, Bytes mask = {}) {
  return column(variable, KeyType::Ipv4Addr, 4, ValueKind::Ipv4Address, std::move(mask));
}

TEST(ValueSet, IsKeyedByPortAndItsColumns) {
  const ValueSet values{{ip("IP"), column("P", KeyType::InetService, 2, ValueKind::Uint16)}};
  const Set set = values.set();
  EXPECT_EQ(set.name, values.name());
  EXPECT_THAT(set.key, ElementsAre(KeyPart{KeyType::IfName, 16}, KeyPart{KeyType::Ipv4Addr, 4},
                                   KeyPart{KeyType::InetService, 2}));
  EXPECT_FALSE(set.verdict_map);
  EXPECT_FALSE(set.dynamic);
}

TEST(ValueSet, ItsNameTellsApartWhatHoldsOtherElements) {
  ValueColumn third = ip("IP");
  third.variable = {"IP", VariableRef::Access::Subscript, 2};
  ValueColumn fourth = third;
  fourth.variable.index = 3;
  const std::vector<ValueSet> sets = {
      {{ip("IP")}},
      {{ip("ip")}},
      {{third}},
      {{fourth}},
      {{ip("IP", {255, 255, 255, 0})}},
      {{ip("IP", {255, 255, 0, 0})}},
      {{ip("IP", {255, 0, 255, 0})}},
      {{ip("IP"), ip("B")}},
      {{ip("B"), ip("IP")}},
      {{column("IP", KeyType::Ipv6Addr, 16, ValueKind::Ipv6Address)}},
      {{column("IP", KeyType::EtherAddr, 6, ValueKind::MacAddress)}},
      {{column("IP", KeyType::Integer, 1, ValueKind::Uint8)}},
      {{column("IP", KeyType::Integer, 2, ValueKind::Uint16)}},
  };
  for (std::size_t i = 0; i < sets.size(); ++i) {
    EXPECT_THAT(sets[i].name(), testing::StartsWith("v."));
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(sets[i].name(), sets[j].name()) << i << " and " << j;
  }
}

// linux/netfilter/nf_tables.h: NFT_SET_MAXNAMELEN is 256, final zero included.
TEST(ValueSet, ItsNameFitsTheKernelHoweverLongTheVariables) {
  const std::string longest(300, 'A');
  const ValueSet one{{ip(longest + "1")}};
  const ValueSet other{{ip(longest + "2")}};
  EXPECT_LT(one.name().size(), 256U);
  EXPECT_NE(one.name(), other.name());
}

// Test vectors of draft-eastlake-fnv.
TEST(Fnv1a, IsTheKnownHash) {
  EXPECT_EQ(fnv1a(""), 0xcbf29ce484222325U);
  EXPECT_EQ(fnv1a("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(fnv1a("foobar"), 0x85944171f73967e8U);
}

}  // namespace
}  // namespace nwf
