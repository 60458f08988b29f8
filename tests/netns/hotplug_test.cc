// SPDX-License-Identifier: GPL-2.0-or-later
// Ports that come without a hook, and the files in which libvirt keeps running guests.
#include "host/hotplug.h"

#include <gmock/gmock.h>
#include <poll.h>

#include <filesystem>
#include <fstream>

#include "tests/netns/fixture.h"

namespace nwf::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HotplugTest : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (service_ == nullptr) return;
    directory_ = root_ + "/run/libvirt/qemu";
    auto guests = host::RunningGuests::open(directory_);
    NWF_ASSERT_OK(guests);
    guests_ = std::move(*guests);
    hotplug_.emplace(*service_, host::HotplugOptions{{{"br0", host::kHeldFilter}, {"br1", "no-mac-broadcast"}}});
  }
  static std::string interface(const std::string& port, const Guest& guest, const std::string& filter) {
    return "<interface type='bridge'><mac address='" + guest.mac + "'/><target dev='" + port + "'/>" +
           (filter.empty()
                ? ""
                : "<filterref filter='" + filter + "'><parameter name='IP' value='" + guest.ip + "'/></filterref>") +
           "</interface>";
  }
  /// As libvirt does: written aside, renamed into place.
  void write_guest(const std::string& interfaces) const {
    std::filesystem::create_directories(directory_);
    std::ofstream(directory_ + "/d1.xml.new") << "<domstatus state='running'><domain type='qemu'><name>d1</name>"
                                                 "<uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid><devices>"
                                              << interfaces << "</devices></domain></domstatus>";
    std::filesystem::rename(directory_ + "/d1.xml.new", directory_ + "/d1.xml");
  }
  void follow() {
    for (const auto& file : guests_->drain())
      for (const auto& note : hotplug_->guest(file)) EXPECT_FALSE(note.failed) << note.text;
  }
  std::string directory_;
  std::unique_ptr<host::RunningGuests> guests_;
  std::optional<host::Hotplug> hotplug_;
};

TEST_F(HotplugTest, APortThatNothingExplainsIsHeldUntilItsGuestIsWritten) {
  add_guest("vnet0");
  add_guest("vnet1");
  follow();
  EXPECT_TRUE(udp_passes("vnet0", "vnet1", one_, two_));
  hotplug_->joined("vnet0", "br0", guests_->all());
  EXPECT_THAT(bound(), ElementsAre("vnet0=nwf-held"));
  EXPECT_FALSE(udp_passes("vnet0", "vnet1", one_, two_));
  EXPECT_FALSE(udp_passes("vnet1", "vnet0", two_, one_));
  write_guest(interface("vnet0", one_, "clean-traffic"));
  follow();
  EXPECT_THAT(bound(), ElementsAre("vnet0=clean-traffic"));
  EXPECT_TRUE(udp_passes("vnet0", "vnet1", one_, two_));
  EXPECT_FALSE(udp_passes("vnet0", "vnet1", other_, two_));
}

TEST_F(HotplugTest, APortThatAFileExplainsIsBoundAtOnce) {
  write_guest(interface("vnet0", one_, "clean-traffic"));
  hotplug_->joined("vnet0", "br0", guests_->all());
  EXPECT_THAT(bound(), ElementsAre("vnet0=clean-traffic"));
}

TEST_F(HotplugTest, APortOfAGuestWithoutAFilterIsLetGo) {
  hotplug_->joined("vnet0", "br0", guests_->all());
  EXPECT_THAT(bound(), ElementsAre("vnet0=nwf-held"));
  write_guest(interface("vnet0", one_, ""));
  follow();
  EXPECT_THAT(bound(), IsEmpty());
}

TEST_F(HotplugTest, ABridgeMayHaveADefaultFilterOrNone) {
  hotplug_->joined("vnet0", "br1", guests_->all());
  hotplug_->joined("vnet1", "br9", guests_->all());
  EXPECT_THAT(bound(), ElementsAre("vnet0=no-mac-broadcast"));
  hotplug_->left("vnet0");
  EXPECT_THAT(bound(), IsEmpty());
}

TEST_F(HotplugTest, WhatSomebodyBoundIsNotTouched) {
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "-"));
  hotplug_->joined("vnet0", "br0", guests_->all());
  hotplug_->left("vnet0");
  EXPECT_THAT(bound(), ElementsAre("vnet0=clean-traffic"));
}

TEST_F(HotplugTest, UnplugAndTheGuestsEnd) {
  write_guest(interface("vnet0", one_, "clean-traffic") + interface("vnet1", two_, "no-mac-spoofing"));
  follow();
  EXPECT_THAT(bound(), ElementsAre("vnet0=clean-traffic", "vnet1=no-mac-spoofing"));
  write_guest(interface("vnet1", two_, "no-mac-spoofing"));
  follow();
  EXPECT_THAT(bound(), ElementsAre("vnet1=no-mac-spoofing"));
  std::filesystem::remove(directory_ + "/d1.xml");
  follow();
  EXPECT_THAT(bound(), IsEmpty());
}

TEST_F(HotplugTest, ADirectoryThatComesLaterAndComesAnewIsFollowed) {
  follow();
  write_guest(interface("vnet0", one_, "clean-traffic"));  // makes the directories, too
  const bool seen = wait_for([&] {
    follow();
    return !bound().empty();
  });
  EXPECT_TRUE(seen);
  std::filesystem::remove_all(root_ + "/run/libvirt");
  const bool gone = wait_for([&] {
    follow();
    return bound().empty();
  });
  EXPECT_TRUE(gone);
  write_guest(interface("vnet0", one_, "clean-traffic"));
  const bool again = wait_for([&] {
    follow();
    return !bound().empty();
  });
  EXPECT_TRUE(again);
}

TEST_F(HotplugTest, NothingIsReadableWhenNothingHappens) {
  const auto readable = [&] {
    pollfd one{guests_->descriptor(), POLLIN, 0};
    return poll(&one, 1, 0) != 0;
  };
  follow();  // where there is no directory yet
  EXPECT_FALSE(readable());
  write_guest(interface("vnet0", one_, "clean-traffic"));
  EXPECT_TRUE(readable());
  follow();  // from now on the directory itself is watched
  follow();
  EXPECT_FALSE(readable());
  std::filesystem::remove(directory_ + "/d1.xml");
  EXPECT_TRUE(readable());
  follow();
  EXPECT_FALSE(readable());
}

TEST_F(HotplugTest, AFileThatIsNoGuestIsTold) {
  const auto notes = hotplug_->guest({"d1", "/run/libvirt/qemu/d1.xml", "<domain"});
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_TRUE(notes[0].failed);
}

}  // namespace
}  // namespace nwf::test
