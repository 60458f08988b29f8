// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel drops is counted by port and rule, and stays counted while other things change.
#include "engine/ruleset/drops.h"

#include <gmock/gmock.h>

#include "engine/ruleset/diff.h"
#include "tests/netns/fixture.h"

namespace nwf::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DropsNetns : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    for (const char* port : {"vnet0", "vnet1", "lan0"}) add_guest(port);
    NWF_ASSERT_OK(
        service_->filter_define("<filter name='web' chain='root'>"
                                "<rule action='drop' direction='out' priority='100'>"
                                "<mac match='no' srcmacaddr='$MAC'/></rule>"
                                "<rule action='drop' direction='in' priority='200'>"
                                "<mac srcmacaddr='52:54:00:00:00:99'/></rule>"
                                "<rule action='drop' direction='out' priority='300'><udp dstportstart='53'/></rule>"
                                "</filter>",
                                "web.xml"));
    NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "web"), "0.xml"));
    NWF_ASSERT_OK(service_->binding_create(binding("vnet1", two_, "web"), "1.xml"));
  }

  std::vector<host::PortDrops> drops(const std::string& port = {}) {
    auto list = service_->drops(port);
    EXPECT_TRUE(list) << (list ? "" : describe(list.error()));
    return list ? std::move(*list) : std::vector<host::PortDrops>{};
  }
  /// The packets that port's rule dropped.
  std::uint64_t dropped(const std::string& port, Layer layer, Direction direction) {
    std::uint64_t packets = 0;
    for (const host::PortDrops& drop : drops(port))
      if (drop.layer == layer && drop.direction == direction) packets += drop.packets;
    return packets;
  }
};

TEST_F(DropsNetns, EachPortAndRuleForItself) {
  EXPECT_THAT(drops(), IsEmpty());
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
  EXPECT_TRUE(udp_passes("vnet1", "lan0", two_, other_)) << "and the bridge knows where it is";
  EXPECT_THAT(drops(), IsEmpty()) << "what passes is not counted";
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(udp_passes("vnet0", "lan0", two_, other_)) << "another's MAC address";
  EXPECT_FALSE(udp_passes("vnet1", "lan0", one_, other_));
  EXPECT_FALSE(udp_passes("vnet1", "lan0", two_, other_, {.source = 4000, .target = 53}));
  EXPECT_FALSE(udp_passes("lan0", "vnet1", other_, two_));
  EXPECT_EQ(dropped("vnet0", Layer::Ethernet, Direction::Out), 3U);
  EXPECT_EQ(dropped("vnet0", Layer::Inet, Direction::Out), 0U);
  EXPECT_EQ(dropped("vnet1", Layer::Ethernet, Direction::Out), 1U);
  EXPECT_EQ(dropped("vnet1", Layer::Inet, Direction::Out), 1U);
  EXPECT_EQ(dropped("vnet1", Layer::Ethernet, Direction::In), 1U);
  const auto one = drops("vnet0");
  ASSERT_THAT(one, SizeIs(1));
  EXPECT_EQ(one[0].filter, "web");
  EXPECT_THAT(one[0].rule, HasSubstr("web rule 1"));
  EXPECT_GT(one[0].bytes, 3U * 28) << "an IPv4 and a UDP header each, at least";
  EXPECT_THAT(drops(), SizeIs(4));
  EXPECT_EQ(service_->drops("vnet7").error().kind, ErrorKind::NotFound);
}

TEST_F(DropsNetns, OtherChangesLeaveTheCountsAlone) {
  EXPECT_FALSE(udp_passes("vnet0", "lan0", two_, other_));
  NWF_ASSERT_OK(service_->binding_set("vnet0", {{"IP", {"192.0.2.77"}}}));
  NWF_ASSERT_OK(service_->binding_delete("vnet1"));
  NWF_ASSERT_OK(service_->reconcile());
  EXPECT_EQ(dropped("vnet0", Layer::Ethernet, Direction::Out), 1U);
  EXPECT_FALSE(udp_passes("vnet0", "lan0", two_, other_));
  EXPECT_EQ(dropped("vnet0", Layer::Ethernet, Direction::Out), 2U);
  NWF_ASSERT_OK(service_->binding_delete("vnet0"));
  EXPECT_THAT(drops(), IsEmpty()) << "of ports that are bound";
}

TEST_F(DropsNetns, WithoutRoomForACountItIsDroppedAllTheSame) {
  Set full = drops_set();
  NWF_ASSERT_OK(service_->binding_delete("vnet1"));
  NWF_ASSERT_OK(service_->binding_delete("vnet0"));
  // The same set, but for its size: there is a count in it already, and no room for another.
  full.size = 1;
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "web"), "0.xml"));
  const auto held = backend_->read();
  NWF_ASSERT_OK(held);
  Ruleset small = held->ruleset;
  small.tables.at(Family::Bridge).sets.at(full.name) = full;
  NWF_ASSERT_OK(backend_->apply(diff(held->ruleset, small), held->generation));
  compare_at_end_ = false;
  EXPECT_FALSE(udp_passes("vnet0", "lan0", two_, other_));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", one_, other_, {.source = 4000, .target = 53}));
  EXPECT_FALSE(udp_passes("lan0", "vnet0", other_, one_));
  const auto counted = backend_->drops();
  NWF_ASSERT_OK(counted);
  EXPECT_THAT(*counted, SizeIs(1));
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
}

}  // namespace
}  // namespace nwf::test
