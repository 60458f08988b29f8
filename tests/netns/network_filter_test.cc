// SPDX-License-Identifier: GPL-2.0-or-later
// A <filterref> of a network: every port of its bridge is bound as it is attached, and again when the network says so.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "host/follower.h"
#include "tests/netns/fixture.h"

namespace nwf::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Nothing but what the guest's own MAC address sends, and no web.
constexpr const char* kNoWeb =
    "<filter name='no-web'><filterref filter='no-mac-spoofing'/>"
    "<rule action='drop' direction='out'><tcp dstportstart='80'/></rule></filter>";

class NetworkFilterTest : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (service_ == nullptr) return;
    auto networks = service_->networks();
    NWF_ASSERT_OK(networks);
    networks_ = *networks;
    NWF_ASSERT_OK(service_->filter_define(kNoWeb, "f.xml"));
    NWF_ASSERT_OK(service_->filter_define(
        "<filter name='silent'><rule action='drop' direction='inout'><all/></rule></filter>", "f.xml"));
  }
  void network(const std::string& ports) {
    NWF_ASSERT_OK(networks_->net_define(
        "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/>" + ports + "</network>", "n.xml"));
    NWF_ASSERT_OK(up_ ? networks_->net_restart("lan") : networks_->net_start("lan"));
    up_ = true;
  }
  void begin() {
    auto follower = host::Follower::open(*service_, root_, {});
    NWF_ASSERT_OK(follower);
    follower_ = std::move(*follower);
    tell(follower_->begin());
  }
  void joined(const std::string& port) {
    add_guest(port);
    tell(follower_->turn({{host::LinkNews::Kind::Moved, port, "", "br0", true}}));
  }
  void turn() { tell(follower_->turn({})); }
  void write_guest(const std::string& port, const Guest& guest, const std::string& group) const {
    const std::string directory = root_ + "/run/libvirt/qemu";
    std::filesystem::create_directories(directory);
    std::ofstream(directory + "/d1.xml.new")
        << "<domstatus state='running'><domain type='qemu'><name>d1</name>"
           "<uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid><devices><interface type='network'><mac address='"
        << guest.mac << "'/><source network='lan' " << (group.empty() ? "" : "portgroup='" + group + "' ")
        << "bridge='br0'/><target dev='" << port << "'/></interface></devices></domain></domstatus>";
    std::filesystem::rename(directory + "/d1.xml.new", directory + "/d1.xml");
  }
  static void tell(const std::vector<host::HotplugNote>& notes) {
    for (const auto& note : notes) EXPECT_FALSE(note.failed) << note.port << ": " << note.text;
  }
  bool web_passes(const std::string& from, const std::string& to, const Guest& source) {
    return tcp_passes(from, to, source, two_, {.target = 80});
  }

  host::NetworkService* networks_ = nullptr;
  std::unique_ptr<host::Follower> follower_;
  bool up_ = false;
};

TEST_F(NetworkFilterTest, APortIsBoundAsItIsAttached) {
  network("<filterref filter='no-ip-multicast'/>");
  add_guest("vnet0");
  begin();
  EXPECT_THAT(bound(), ElementsAre("vnet0=no-ip-multicast")) << "one that was there before";
  joined("vnet1");
  EXPECT_THAT(bound(), ElementsAre("vnet0=no-ip-multicast", "vnet1=no-ip-multicast"));
  const Guest group{"01:00:5e:00:00:01", "224.0.0.1"};
  EXPECT_TRUE(udp_passes("vnet0", "vnet1", one_, two_));
  EXPECT_FALSE(udp_passes("vnet0", "vnet1", one_, group));
  tell(follower_->turn({{host::LinkNews::Kind::Gone, "vnet1", "", "", true}}));
  EXPECT_THAT(bound(), ElementsAre("vnet0=no-ip-multicast"));
}

TEST_F(NetworkFilterTest, AFilterThatANetworkNamesStays) {
  network("<portgroup name='quiet'><filterref filter='silent'/></portgroup><filterref filter='no-web'/>");
  const auto refused = [&](const char* filter) {
    const auto gone = service_->filter_undefine(filter);
    EXPECT_FALSE(gone) << filter;
    return gone ? std::string() : describe(gone.error());
  };
  EXPECT_THAT(refused("no-web"), HasSubstr("network 'lan'"));
  EXPECT_THAT(refused("silent"), HasSubstr("network 'lan'"));
  host::Removal removal;
  removal.filters = {"silent"};
  const auto changed = service_->change({}, removal);
  ASSERT_FALSE(changed);
  EXPECT_THAT(describe(changed.error()), HasSubstr("network 'lan'"));
  NWF_ASSERT_OK(networks_->net_undefine("lan"));
  EXPECT_THAT(refused("no-web"), HasSubstr("network 'lan'")) << "it is still up";
  NWF_ASSERT_OK(networks_->net_stop("lan"));
  NWF_ASSERT_OK(service_->filter_undefine("no-web"));
  NWF_ASSERT_OK(service_->filter_undefine("silent"));
}

TEST_F(NetworkFilterTest, AGuestsPortIsBoundWithTheGuestsAddress) {
  network("<filterref filter='no-web'/>");
  begin();
  for (const char* port : {"vnet0", "vnet1"}) add_guest(port);
  write_guest("vnet0", one_, "");
  turn();
  EXPECT_THAT(bound(), ElementsAre("vnet0=no-web"));
  EXPECT_TRUE(udp_passes("vnet0", "vnet1", one_, two_));
  EXPECT_FALSE(udp_passes("vnet0", "vnet1", other_, two_));
  EXPECT_FALSE(web_passes("vnet0", "vnet1", one_));
}

TEST_F(NetworkFilterTest, AHookNeedsNoDaemonForIt) {
  network("<portgroup name='quiet'><filterref filter='silent'/></portgroup><filterref filter='no-web'/>");
  for (const char* port : {"vnet0", "vnet1"}) add_guest(port);
  const std::string text =
      "<domain><name>d1</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid><devices><interface type='network'>"
      "<mac address='" +
      one_.mac +
      "'/><source network='lan' portgroup='quiet' bridge='br0'/><target dev='vnet0'/>"
      "</interface></devices></domain>";
  const auto done = service_->guest_bind(text, "d.xml", host::GuestState::Starts);
  NWF_ASSERT_OK(done);
  EXPECT_THAT(bound(), ElementsAre("vnet0=silent"));
  EXPECT_FALSE(udp_passes("vnet0", "vnet1", one_, two_));
}

TEST_F(NetworkFilterTest, ANetworkThatChangesItsFilterChangesItsPorts) {
  network("<filterref filter='no-web'/>");
  begin();
  joined("vnet0");
  add_guest("vnet1");
  write_guest("vnet0", one_, "quiet");
  turn();
  EXPECT_TRUE(udp_passes("vnet0", "vnet1", one_, two_));
  network("<portgroup name='quiet'><filterref filter='silent'/></portgroup><filterref filter='no-web'/>");
  turn();
  EXPECT_THAT(bound(), ElementsAre("vnet0=silent", "vnet1=no-web")) << "and one that came unseen";
  EXPECT_FALSE(udp_passes("vnet0", "vnet1", one_, two_));
  network("");
  turn();
  EXPECT_THAT(bound(), IsEmpty());
  EXPECT_TRUE(web_passes("vnet0", "vnet1", one_));
}

TEST_F(NetworkFilterTest, APortThatNobodyExplainsFollowsToo) {
  network("<filterref filter='no-ip-multicast'/>");
  begin();
  joined("vnet0");
  network("<filterref filter='silent'/>");
  turn();
  EXPECT_THAT(bound(), ElementsAre("vnet0=silent"));
  network("");
  turn();
  EXPECT_THAT(bound(), IsEmpty());
}

TEST_F(NetworkFilterTest, WithAFilterThatIsNotThereAPortIsHeld) {
  network("<filterref filter='nobody'/>");
  begin();
  for (const char* port : {"vnet0", "vnet1"}) add_guest(port);
  const auto notes = follower_->turn({{host::LinkNews::Kind::Moved, "vnet0", "", "br0", true}});
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_TRUE(notes[0].failed);
  EXPECT_THAT(bound(), ElementsAre("vnet0=nwf-held"));
  EXPECT_FALSE(udp_passes("vnet0", "vnet1", one_, two_));
}

TEST_F(NetworkFilterTest, WhatAnAdministratorBoundStays) {
  network("<filterref filter='silent'/>");
  add_guest("vnet0");
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "no-web"), "b.xml"));
  begin();
  network("<filterref filter='no-ip-multicast'/>");
  turn();
  EXPECT_THAT(bound(), ElementsAre("vnet0=no-web"));
}

}  // namespace
}  // namespace nwf::test
