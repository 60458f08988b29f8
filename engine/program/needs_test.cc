// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/needs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/model/rule_for_tests.h"

namespace nwf {
namespace {

using for_tests::filter;
using for_tests::Filters;
using for_tests::reference;
using for_tests::rule;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::set<std::string> needs(const Filters& filters) {
  const auto flat = flatten(filters.at("top"), filters);
  EXPECT_TRUE(flat) << describe(flat.error());
  return needed_variables(*flat);
}

TEST(NeededVariables, AreThoseOfTheWholeTree) {
  EXPECT_THAT(needs({filter("top", {rule(Action::Accept, Direction::Out, Protocol::Ip, {{"srcipaddr", "$IP"}}),
                                    reference("leaf")}),
                     filter("leaf", {rule(Action::Drop, Direction::In, Protocol::Tcp, {{"dstportstart", "$PORT"}})})}),
              ElementsAre("IP", "PORT"));
}

TEST(NeededVariables, EveryBindingHasItsMac) {
  EXPECT_THAT(needs({filter("top", {rule(Action::Accept, Direction::Out, Protocol::Mac, {{"srcmacaddr", "$MAC"}})})}),
              IsEmpty());
}

TEST(NeededVariables, AReferenceGivesToItsSubtreeOnly) {
  const auto uses = rule(Action::Accept, Direction::Out, Protocol::Ip, {{"srcipaddr", "$GATEWAY"}});
  const auto given = reference("leaf", {{"GATEWAY", {"192.0.2.1"}}});
  EXPECT_THAT(needs({filter("top", {given}), filter("leaf", {uses})}), IsEmpty());
  EXPECT_THAT(needs({filter("top", {given, uses}), filter("leaf", {uses})}), ElementsAre("GATEWAY"));
}

}  // namespace
}  // namespace nwf
