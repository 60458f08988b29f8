// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/link_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nwf::netlink {

using Kind = LinkEvent::Kind;

static void PrintTo(const LinkEvent& event, std::ostream* out) {
  *out << static_cast<int>(event.kind) << " " << event.name << " before '" << event.before << "' in '" << event.bridge
       << "'";
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LinkTableTest : public ::testing::Test {
 protected:
  void SetUp() override { table_.replace({{1, "lo", 0}, {2, "br0", 0}, {3, "br1", 0}, {4, "vnet0", 2}}); }
  LinkTable table_;
};

TEST_F(LinkTableTest, ThePortThatAppearsIsToldWithItsBridge) {
  EXPECT_THAT(table_.put({5, "vnet1", 2}), ElementsAre(LinkEvent{Kind::Appeared, "vnet1", "", "br0"}));
  EXPECT_THAT(table_.put({5, "vnet1", 2}), IsEmpty()) << "told twice";
}

TEST_F(LinkTableTest, ThePortThatGoesIsToldOnce) {
  EXPECT_THAT(table_.remove(4), ElementsAre(LinkEvent{Kind::Gone, "vnet0", "", "br0"}));
  EXPECT_THAT(table_.remove(4), IsEmpty());
}

TEST_F(LinkTableTest, RenamesAndMovesAreFollowed) {
  EXPECT_THAT(table_.put({4, "web", 2}), ElementsAre(LinkEvent{Kind::Renamed, "web", "vnet0", "br0"}));
  EXPECT_THAT(table_.put({4, "web", 3}), ElementsAre(LinkEvent{Kind::Moved, "web", "br0", "br1"}));
  EXPECT_THAT(table_.put({4, "web", 0}), ElementsAre(LinkEvent{Kind::Moved, "web", "br1", ""}));
  EXPECT_THAT(table_.put({4, "mail", 2}),
              ElementsAre(LinkEvent{Kind::Renamed, "mail", "web", "br0"}, LinkEvent{Kind::Moved, "mail", "", "br0"}));
}

TEST_F(LinkTableTest, AfterALossTheDifferenceIsTold) {
  EXPECT_THAT(
      table_.replace({{1, "lo", 0}, {2, "br0", 0}, {3, "br1", 0}, {4, "vnet0", 3}, {9, "vnet9", 2}}),
      ElementsAre(LinkEvent{Kind::Moved, "vnet0", "br0", "br1"}, LinkEvent{Kind::Appeared, "vnet9", "", "br0"}));
  EXPECT_THAT(table_.replace({{1, "lo", 0}, {2, "br0", 0}, {3, "br1", 0}, {10, "vnet0", 2}}),
              ElementsAre(LinkEvent{Kind::Gone, "vnet0", "", "br1"}, LinkEvent{Kind::Gone, "vnet9", "", "br0"},
                          LinkEvent{Kind::Appeared, "vnet0", "", "br0"}))
      << "the name went and came back meanwhile";
  EXPECT_THAT(table_.replace({{1, "lo", 0}, {2, "br0", 0}, {3, "br1", 0}, {10, "vnet0", 2}}), IsEmpty());
}

}  // namespace
}  // namespace nwf::netlink
