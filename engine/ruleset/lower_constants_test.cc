// SPDX-License-Identifier: GPL-2.0-or-later
// Values that are the same for every port, in sets of the program's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/model/rule_for_tests.h"
#include "engine/program/compile.h"
#include "engine/program/optimise/optimise.h"
#include "engine/ruleset/diff.h"
#include "engine/ruleset/dispatch.h"
#include "engine/ruleset/lower.h"

namespace nwf {
namespace {

using for_tests::filter;
using for_tests::Filters;
using for_tests::rule;
using ::testing::SizeIs;

LoweredProgram ports_program(const std::string& name, const std::vector<std::string>& ports) {
  std::vector<FilterEntry> entries;
  for (const std::string& port : ports)
    entries.emplace_back(
        for_tests::without_statematch(rule(Action::Accept, Direction::Out, Protocol::Tcp, {{"dstportstart", port}})));
  entries.emplace_back(for_tests::with_priority(rule(Action::Drop, Direction::InOut, Protocol::All), 900));
  const Filters filters{filter(name, entries)};
  const Program program = optimise(compile(filters.at(name), filters, {}).value(), {});
  return lower(program, {}, {}).value();
}

TEST(LowerConstants, MergedValuesAreASetWithItsElements) {
  const LoweredProgram web = ports_program("web", {"80", "443", "22"});
  ASSERT_THAT(web.constants, SizeIs(1));
  const std::string& name = web.constants.begin()->first;
  const auto& elements = web.constants.begin()->second;
  EXPECT_THAT(name, ::testing::StartsWith("web.any-"));
  EXPECT_EQ(elements, (std::set<Element>{{{0, 22}, {}}, {{0, 80}, {}}, {{1, 187}, {}}}));
  const auto set = std::find_if(web.sets.begin(), web.sets.end(), [&](const Set& s) { return s.name == name; });
  ASSERT_NE(set, web.sets.end());
  EXPECT_EQ(set->key, (std::vector<KeyPart>{{KeyType::InetService, 2}}));
}

TEST(LowerConstants, OtherValuesAreAnotherSetAndAnotherHash) {
  const LoweredProgram a = ports_program("web", {"80", "443", "22"}), b = ports_program("web", {"80", "443", "23"});
  EXPECT_NE(a.constants.begin()->first, b.constants.begin()->first) << "a constant set never changes";
  EXPECT_NE(a.hash(), b.hash());
}

TEST(LowerConstants, TwoProgramsShareNone) {
  EXPECT_NE(ports_program("web", {"80", "443", "22"}).constants.begin()->first,
            ports_program("mail", {"80", "443", "22"}).constants.begin()->first);
}

TEST(LowerConstants, ComeAndGoWithTheProgram) {
  const LoweredProgram web = ports_program("web", {"80", "443", "22"});
  Ruleset ruleset;
  add_program(web, false, ruleset);
  EXPECT_THAT(ruleset.tables.at(Family::Bridge).elements.at(web.constants.begin()->first), SizeIs(3));
}

}  // namespace
}  // namespace nwf
