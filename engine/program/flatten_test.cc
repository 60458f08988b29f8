// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/flatten.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/model/rule_for_tests.h"

namespace nwf {
namespace {

using for_tests::filter;
using for_tests::Filters;
using for_tests::kFile;
using for_tests::reference;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

FilterRule any_rule() { return for_tests::rule(Action::Accept, Direction::InOut); }

std::vector<std::string> origins(const FlatFilter& flat) {
  std::vector<std::string> all;
  for (const FlatRule& rule : flat.rules) all.push_back(rule.origin());
  return all;
}

TEST(Flatten, RulesStandInTheOrderOfTheTextReferencesReplaced) {
  const Filters filters = {
      filter("top", {any_rule(), reference("mid"), any_rule(), reference("leaf")}),
      filter("mid", {reference("leaf"), any_rule()}),
      filter("leaf", {any_rule()}),
  };
  const auto flat = flatten(filters.at("top"), filters);
  ASSERT_TRUE(flat) << describe(flat.error());
  EXPECT_THAT(origins(*flat), ElementsAre("top rule 1 line 2", "leaf rule 1 line 2", "mid rule 1 line 3",
                                          "top rule 2 line 4", "leaf rule 1 line 2"));
  EXPECT_THAT(flat->filters, ElementsAre("leaf", "mid", "top"));
}

TEST(Flatten, AFilterWithoutRulesIsStillOfTheTree) {
  const Filters filters = {filter("top", {reference("empty")}), filter("empty", {})};
  const auto flat = flatten(filters.at("top"), filters);
  ASSERT_TRUE(flat);
  EXPECT_THAT(flat->rules, IsEmpty());
  EXPECT_THAT(flat->filters, ElementsAre("empty", "top"));
}

TEST(Flatten, ARuleKeepsItsFilterAndItsChainsPriority) {
  Filter own = filter("own", {any_rule()}, "arp");
  own.priority = -123;
  const Filters filters = {filter("top", {any_rule(), reference("arp"), reference("own")}),
                           filter("arp", {any_rule()}, "arp"), own};
  const auto flat = flatten(filters.at("top"), filters);
  ASSERT_TRUE(flat);
  ASSERT_EQ(flat->rules.size(), 3U);
  EXPECT_EQ(flat->rules[0].chain_priority, 0);
  EXPECT_EQ(flat->rules[1].chain_priority, -500);
  EXPECT_EQ(flat->rules[2].chain_priority, -123);
  EXPECT_EQ(flat->rules[2].owner, filters.at("own"));
  EXPECT_EQ(flat->rules[2].rule, &std::get<FilterRule>(filters.at("own")->entries[0]));
}

TEST(Flatten, AParameterHoldsInTheReferencesSubtreeOnly) {
  const Filters filters = {
      filter("top", {any_rule(), reference("mid", {{"A", {"1", "2"}}}), reference("leaf"), any_rule()}),
      filter("mid", {any_rule(), reference("leaf", {{"B", {"3"}}}), any_rule()}),
      filter("leaf", {any_rule()}),
  };
  const auto flat = flatten(filters.at("top"), filters);
  ASSERT_TRUE(flat);
  ASSERT_EQ(flat->rules.size(), 6U);
  const auto a = Pair("A", ElementsAre("1", "2"));
  EXPECT_THAT(flat->rules[0].parameters, IsEmpty());
  EXPECT_THAT(flat->rules[1].parameters, ElementsAre(a));
  EXPECT_THAT(flat->rules[2].parameters, ElementsAre(a, Pair("B", ElementsAre("3"))));
  EXPECT_THAT(flat->rules[3].parameters, ElementsAre(a));
  EXPECT_THAT(flat->rules[4].parameters, IsEmpty());
  EXPECT_THAT(flat->rules[5].parameters, IsEmpty());
}

TEST(Flatten, TheOutermostReferencesParameterWins) {
  const Filters filters = {
      filter("top", {reference("mid", {{"A", {"outer"}}})}),
      filter("mid", {reference("leaf", {{"A", {"inner", "more"}}, {"B", {"inner"}}})}),
      filter("leaf", {any_rule()}),
  };
  const auto flat = flatten(filters.at("top"), filters);
  ASSERT_TRUE(flat);
  ASSERT_EQ(flat->rules.size(), 1U);
  EXPECT_THAT(flat->rules[0].parameters, ElementsAre(Pair("A", ElementsAre("outer")), Pair("B", ElementsAre("inner"))));
}

TEST(Flatten, ADiamondsEndIsThereOnceForEachWay) {
  const Filters filters = {filter("top", {reference("left", {{"A", {"l"}}}), reference("right", {{"A", {"r"}}})}),
                           filter("left", {reference("end")}), filter("right", {reference("end")}),
                           filter("end", {any_rule()})};
  const auto flat = flatten(filters.at("top"), filters);
  ASSERT_TRUE(flat) << "two ways to one filter are no circle";
  ASSERT_EQ(flat->rules.size(), 2U);
  EXPECT_THAT(flat->rules[0].parameters, ElementsAre(Pair("A", ElementsAre("l"))));
  EXPECT_THAT(flat->rules[1].parameters, ElementsAre(Pair("A", ElementsAre("r"))));
  EXPECT_THAT(flat->filters, ElementsAre("end", "left", "right", "top"));
}

TEST(Flatten, AMissingFilterIsNamedWithThePlaceOfItsReference) {
  const Filters filters = {filter("top", {any_rule(), reference("mid")}),
                           filter("mid", {any_rule(), reference("gone")})};
  const auto flat = flatten(filters.at("top"), filters);
  ASSERT_FALSE(flat);
  EXPECT_EQ(flat.error().kind, ErrorKind::NotFound);
  EXPECT_THAT(flat.error().message, HasSubstr("'gone'"));
  EXPECT_THAT(flat.error().message, HasSubstr("'mid'"));
  EXPECT_EQ(flat.error().where, (Source{std::string(kFile), 3, 1}));
  EXPECT_THAT(flat.error().remedy, HasSubstr("gone"));
}

TEST(Flatten, AnUnreadableFilterIsTheLookupsError) {
  const Filters filters = {filter("top", {reference("torn")})};
  const auto flat = flatten(filters.at("top"), [](const std::string& name) -> Result<std::shared_ptr<const Filter>> {
    return fail(ErrorKind::Storage, "cannot read " + name);
  });
  ASSERT_FALSE(flat);
  EXPECT_EQ(flat.error().kind, ErrorKind::Storage);
  EXPECT_THAT(flat.error().message, HasSubstr("cannot read torn"));
}

TEST(Flatten, ACycleIsNamedInOrder) {
  const Filters filters = {filter("top", {reference("a")}), filter("a", {any_rule(), reference("b")}),
                           filter("b", {reference("c")}), filter("c", {any_rule(), any_rule(), reference("a")})};
  const auto flat = flatten(filters.at("top"), filters);
  ASSERT_FALSE(flat);
  EXPECT_EQ(flat.error().kind, ErrorKind::Refused);
  EXPECT_THAT(flat.error().message, HasSubstr("a -> b -> c -> a"));
  EXPECT_THAT(flat.error().message, testing::Not(HasSubstr("top"))) << "it only leads to the circle";
  EXPECT_EQ(flat.error().where, (Source{std::string(kFile), 3, 1})) << "where the circle begins: a's reference to b";
  EXPECT_THAT(flat.error().remedy, HasSubstr("'b'"));
}

TEST(Flatten, AFilterThatRefersToItselfIsACycle) {
  const Filters filters = {filter("top", {reference("top")})};
  const auto flat = flatten(filters.at("top"), filters);
  ASSERT_FALSE(flat);
  EXPECT_EQ(flat.error().kind, ErrorKind::Refused);
  EXPECT_THAT(flat.error().message, HasSubstr("top -> top"));
}

// Filters f0 -> f1 -> … with `references` references one inside the other, and a rule at the end.
Filters nested(std::size_t references) {
  Filters filters;
  for (std::size_t i = 0; i < references; ++i)
    filters.add(filter("f" + std::to_string(i), {reference("f" + std::to_string(i + 1))}));
  filters.add(filter("f" + std::to_string(references), {any_rule()}));
  return filters;
}

TEST(Flatten, ReferencesNestToALimit) {
  const Filters fine = nested(kMaxReferenceDepth - 1);
  const auto flat = flatten(fine.at("f0"), fine);
  ASSERT_TRUE(flat) << describe(flat.error());
  EXPECT_EQ(flat->rules.size(), 1U);

  const Filters deep = nested(kMaxReferenceDepth + 1);
  const auto refused = flatten(deep.at("f0"), deep);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Refused);
  EXPECT_THAT(refused.error().message, HasSubstr(std::to_string(kMaxReferenceDepth)));
  EXPECT_EQ(refused.error().where.file, kFile);
}

// Each refers to the next twice: 2^40 ways to the last, which has no rule to count.
TEST(Flatten, ATreeWithoutRulesEndsToo) {
  constexpr int kFilters = 41;
  Filters filters;
  for (int i = 0; i < kFilters; ++i) {
    std::vector<FilterEntry> entries;
    if (i + 1 < kFilters) entries.assign(2, reference(fmt::format("f{}", i + 1)));
    filters.add(filter(fmt::format("f{}", i), entries));
  }
  const auto refused = flatten(filters.at("f0"), filters);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Refused);
}

TEST(Flatten, ATreeMayHaveSoManyRulesAndNoMore) {
  const std::size_t tenth = kMaxFlatRules / 10;
  Filters filters = {filter("leaf", std::vector<FilterEntry>(tenth, any_rule())),
                     filter("full", std::vector<FilterEntry>(10, reference("leaf")))};
  const auto full = flatten(filters.at("full"), filters);
  ASSERT_TRUE(full) << describe(full.error());
  EXPECT_EQ(full->rules.size(), kMaxFlatRules);

  filters.add(filter("over", {reference("full"), any_rule()}));
  const auto over = flatten(filters.at("over"), filters);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().kind, ErrorKind::Refused);
  EXPECT_THAT(over.error().message, HasSubstr("'over'"));
}

}  // namespace
}  // namespace nwf
