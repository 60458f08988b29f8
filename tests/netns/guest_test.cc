// SPDX-License-Identifier: GPL-2.0-or-later
// A guest's ports are bound and unbound together, from its <domain>.
#include <gmock/gmock.h>

#include "tests/netns/fixture.h"

namespace nwf::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kGuest = "6695eb01-f6a4-8304-79aa-97f2502e193f";
const std::string kOther = "00000000-0000-4000-8000-000000000002";

class GuestTest : public HostTest {
 protected:
  static std::string interface(const std::string& port, const Guest& guest, const std::string& filter) {
    return "<interface type='bridge'><mac address='" + guest.mac + "'/><source bridge='br0'/><target dev='" + port +
           "'/>" +
           (filter.empty()
                ? ""
                : "<filterref filter='" + filter + "'><parameter name='IP' value='" + guest.ip + "'/></filterref>") +
           "</interface>";
  }
  static std::string domain(const std::string& interfaces, const std::string& uuid = kGuest,
                            const std::string& name = "d1") {
    return "<domain type='qemu'><name>" + name + "</name><uuid>" + uuid + "</uuid><devices>" + interfaces +
           "</devices></domain>";
  }
  Result<host::GuestBound> start(const std::string& text) {
    return service_->guest_bind(text, "domain", host::GuestState::Starts);
  }
  Result<host::GuestBound> runs(const std::string& text) {
    return service_->guest_bind(text, "domain", host::GuestState::Runs);
  }
  const std::string both_ =
      domain(interface("vnet0", one_, "clean-traffic") + interface("vnet1", two_, "no-mac-spoofing"));
};

TEST_F(GuestTest, AllPortsAreBoundByOneTransaction) {
  add_guest("vnet0");
  add_guest("vnet1");
  const auto before = backend_->read();
  NWF_ASSERT_OK(before);
  const auto done = start(both_);
  NWF_ASSERT_OK(done);
  EXPECT_EQ(done->guest, "d1");
  EXPECT_EQ(done->bound.size(), 2U);
  EXPECT_THAT(bound(), ElementsAre("vnet0=clean-traffic", "vnet1=no-mac-spoofing"));
  EXPECT_TRUE(udp_passes("vnet0", "vnet1", one_, two_));
  EXPECT_FALSE(udp_passes("vnet0", "vnet1", other_, two_));
}

TEST_F(GuestTest, OneBadPortAndNoneIsBound) {
  const auto done = start(domain(interface("vnet0", one_, "clean-traffic") + interface("vnet1", two_, "nobody")));
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(describe(done.error()), HasSubstr("port vnet1"));
  EXPECT_THAT(describe(done.error()), HasSubstr("nobody"));
  EXPECT_EQ(done.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(bound(), IsEmpty());
}

TEST_F(GuestTest, WhatAnEarlierLifeLeftIsReplacedAtStart) {
  NWF_ASSERT_OK(start(domain(interface("vnet0", other_, "no-mac-spoofing"), kOther, "d2")));
  NWF_ASSERT_OK(start(both_));
  const auto text = service_->binding_dumpxml("vnet0");
  NWF_ASSERT_OK(text);
  EXPECT_THAT(*text, HasSubstr(kGuest));
  EXPECT_THAT(*text, HasSubstr("clean-traffic"));
}

TEST_F(GuestTest, APortThatHasNoFilterAnyMoreIsNotGuardedByAnEarlierOwners) {
  NWF_ASSERT_OK(start(domain(interface("vnet0", other_, "no-mac-spoofing"), kOther, "d2")));
  const auto done = start(domain(interface("vnet0", one_, "")));
  NWF_ASSERT_OK(done);
  EXPECT_EQ(done->unbound.size(), 1U);
  EXPECT_THAT(bound(), IsEmpty());
}

TEST_F(GuestTest, WhatAnAdministratorBoundByHandStays) {
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "-"));
  NWF_ASSERT_OK(start(domain(interface("vnet0", one_, ""))));
  NWF_ASSERT_OK(runs(domain(interface("vnet0", one_, ""))));
  EXPECT_THAT(bound(), ElementsAre("vnet0=clean-traffic"));
}

TEST_F(GuestTest, ARunningGuestKeepsWhatWasSetSince) {
  NWF_ASSERT_OK(start(both_));
  NWF_ASSERT_OK(service_->binding_set("vnet0", {{"IP", {"192.0.2.50"}}}));
  const auto again = runs(both_);
  NWF_ASSERT_OK(again);
  EXPECT_THAT(again->bound, IsEmpty());
  const auto text = service_->binding_dumpxml("vnet0");
  NWF_ASSERT_OK(text);
  EXPECT_THAT(*text, HasSubstr("192.0.2.50"));
}

TEST_F(GuestTest, ARunningGuestGainsAndLosesPorts) {
  NWF_ASSERT_OK(start(both_));
  NWF_ASSERT_OK(start(domain(interface("vnet7", other_, "clean-traffic"), kOther, "d2")));
  const auto done =
      runs(domain(interface("vnet1", two_, "no-mac-spoofing") + interface("vnet2", other_, "clean-traffic")));
  NWF_ASSERT_OK(done);
  ASSERT_EQ(done->unbound.size(), 1U);
  EXPECT_EQ(done->unbound[0].port, "vnet0");
  ASSERT_EQ(done->bound.size(), 1U);
  EXPECT_EQ(done->bound[0].port, "vnet2");
  EXPECT_THAT(bound(), ElementsAre("vnet1=no-mac-spoofing", "vnet2=clean-traffic", "vnet7=clean-traffic"));
}

TEST_F(GuestTest, AGuestsEndUnbindsItsPortsAndNoOthers) {
  NWF_ASSERT_OK(start(both_));
  NWF_ASSERT_OK(start(domain(interface("vnet7", other_, "clean-traffic"), kOther, "d2")));
  const auto gone = service_->guest_unbind(kGuest, std::nullopt);
  NWF_ASSERT_OK(gone);
  EXPECT_EQ(gone->size(), 2U);
  EXPECT_THAT(bound(), ElementsAre("vnet7=clean-traffic"));
  const auto by_name = service_->guest_unbind("d2", std::nullopt);
  NWF_ASSERT_OK(by_name);
  EXPECT_THAT(bound(), IsEmpty());
  const auto none = service_->guest_unbind(kGuest, std::nullopt);
  NWF_ASSERT_OK(none);
  EXPECT_THAT(*none, IsEmpty());
}

TEST_F(GuestTest, AnUnpluggedPortIsUnboundOnceItsInterfaceIsGone) {
  add_guest("vnet0");
  NWF_ASSERT_OK(start(both_));
  const auto still_there = service_->guest_unbind(kGuest, Mac::parse(one_.mac));
  NWF_ASSERT_OK(still_there);
  EXPECT_THAT(*still_there, IsEmpty());
  taps_.clear();
  const auto gone = service_->guest_unbind(kGuest, Mac::parse(one_.mac));
  NWF_ASSERT_OK(gone);
  EXPECT_EQ(gone->size(), 1U);
  EXPECT_THAT(bound(), ElementsAre("vnet1=no-mac-spoofing"));
}

}  // namespace
}  // namespace nwf::test
