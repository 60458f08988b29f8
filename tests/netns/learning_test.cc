// SPDX-License-Identifier: GPL-2.0-or-later
// Ports that learn their addresses: what they hear, from whom, and what of it reaches the kernel.
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "host/learner.h"
#include "tests/netns/fixture.h"
#include "tests/netns/learn_frames.h"

namespace nwf::test {
namespace {

constexpr const char* kBroadcast = "ff:ff:ff:ff:ff:ff";
constexpr const char* kNobody = "00:00:00:00:00:00";
constexpr const char* kServerMac = "52:54:00:00:00:fe";
constexpr const char* kServerIp = "192.0.2.254";

/// Sends as the host itself does, on an interface.
class HostSocket {
 public:
  explicit HostSocket(const std::string& interface)
      : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)), index_(if_nametoindex(interface.c_str())) {}
  ~HostSocket() { close(fd_); }
  HostSocket(const HostSocket&) = delete;
  HostSocket& operator=(const HostSocket&) = delete;
  bool send(const Bytes& frame) const {
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(index_);
    return sendto(fd_, frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to) ==
           static_cast<ssize_t>(frame.size());
  }

 private:
  int fd_;
  unsigned index_;
};

class LearnNetns : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (service_ == nullptr) return;
    auto learning = host::open_learning(own_options());
    NWF_ASSERT_OK(learning);
    host_ = std::move(*learning);
    for (const char* port : {"vnet0", "vnet1", "lan0"}) add_guest(port);
    NWF_ASSERT_OK(forget_addresses("br0"));
  }

  host::Options own_options() {
    host::Options own = options();
    own.clock = [this] { return clock(); };
    return own;
  }

  host::Clocks clock() const {
    host::Clocks now = host::read_clocks();
    now.boot += later_;
    now.calendar += later_ + calendar_jump_;
    return now;
  }

  void start_learner() {
    auto learner = host::Learner::open(
        *host_, [this] { return clock(); }, [this](const host::Believed& believed) { told_.push_back(believed); });
    NWF_ASSERT_OK(learner);
    learner_ = std::move(*learner);
  }

  static std::string learning_binding(const std::string& port, const std::string& mac, const std::string& mode,
                                      const std::string& filter = "clean-traffic", const std::string& more = "") {
    return "<filterbinding><portdev name='" + port + "'/><mac address='" + mac + "'/><filterref filter='" + filter +
           "'><parameter name='CTRL_IP_LEARNING' value='" + mode + "'/>" + more + "</filterref></filterbinding>";
  }

  /// The loop: what there is to hear now, until nothing comes any more.
  void hear(int patience_ms = 30) {
    while (learner_->descriptor() >= 0) {
      pollfd readable{learner_->descriptor(), POLLIN, 0};
      if (poll(&readable, 1, patience_ms) <= 0) break;
      NWF_ASSERT_OK(learner_->ready());
    }
    NWF_ASSERT_OK(learner_->tick());
  }

  std::vector<std::string> learned(const std::string& port) {
    std::vector<std::string> texts;
    const auto list = service_->learned_list(port);
    EXPECT_TRUE(list.has_value()) << (list ? "" : describe(list.error()));
    if (list)
      for (const auto& one : *list) texts.push_back(one.address + " " + one.source);
    return texts;
  }

  void server_says(const DhcpFields& fields, const std::string& interface = "br0") {
    EXPECT_TRUE(
        HostSocket(interface).send(dhcp_frame({kServerMac, fields.client_mac}, kServerIp, fields.yiaddr, fields)));
  }
  void guest_says(const std::string& port, const DhcpFields& fields) {
    NWF_ASSERT_OK(tap(port).send(dhcp_frame({fields.client_mac, kBroadcast}, "0.0.0.0", "255.255.255.255", fields)));
  }
  DhcpFields ack(const Guest& guest, std::uint32_t seconds = 600) const {
    DhcpFields fields;
    fields.client_mac = guest.mac;
    fields.yiaddr = guest.ip;
    fields.lease_seconds = seconds;
    return fields;
  }
  void pass_time(std::int64_t milliseconds) { later_ += milliseconds; }

  std::unique_ptr<host::LearningHost> host_;
  std::unique_ptr<host::Learner> learner_;
  std::vector<host::Believed> told_;
  std::int64_t later_ = 0;
  std::int64_t calendar_jump_ = 0;
};

TEST_F(LearnNetns, AServersAckOpensThePortForThatAddress) {
  const auto bound = service_->binding_create(learning_binding("vnet0", one_.mac, "dhcp"), "b.xml");
  NWF_ASSERT_OK(bound);
  ASSERT_EQ(bound->warnings.size(), 1U);
  EXPECT_NE(bound->warnings[0].find("waits until nwfd has learned $IP"), std::string::npos) << bound->warnings[0];
  start_learner();
  EXPECT_FALSE(udp_passes("vnet0", "lan0", one_, other_)) << "it waits for its address";
  server_says(ack(one_));
  hear();
  EXPECT_EQ(learned("vnet0"), std::vector<std::string>{"192.0.2.1 dhcp"});
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", {one_.mac, two_.ip}, other_));
  EXPECT_TRUE(udp_passes("lan0", "vnet0", other_, one_));
}

TEST_F(LearnNetns, WhereOthersRunTheProgramLearningMovesElementsOnly) {
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet0", one_.mac, "dhcp"), "b.xml"));
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet2", "52:54:00:00:00:09", "dhcp"), "b.xml"));
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet1", two_.mac, "dhcp"), "b.xml"));
  NWF_ASSERT_OK(service_->learned_set("vnet1", {two_.ip}));
  start_learner();
  const auto before = backend_->read();
  NWF_ASSERT_OK(before);
  server_says(ack(one_));
  hear();
  const auto after = backend_->read();
  NWF_ASSERT_OK(after);
  EXPECT_LE(after->generation, before->generation + 3) << "made, changed, swept (engine/ruleset/make_before_break.h)";
  EXPECT_EQ(after->ruleset.tables.at(Family::Bridge).chains, before->ruleset.tables.at(Family::Bridge).chains);
  EXPECT_EQ(after->ruleset.tables.at(Family::Bridge).sets, before->ruleset.tables.at(Family::Bridge).sets);
}

TEST_F(LearnNetns, AWaitingGuestMayAskAndProbeAndNoMore) {
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet0", one_.mac, "dhcp"), "b.xml"));
  const auto arp = [&](const std::string& sender_ip) {
    const Bytes own = next_tag();
    return passes("vnet0", "lan0", arp_frame({one_.mac, kBroadcast}, {1, one_.mac, sender_ip, kNobody, other_.ip}, own),
                  own);
  };
  EXPECT_TRUE(arp("0.0.0.0"));
  EXPECT_FALSE(arp(one_.ip)) << "an announcement of an address that it may not have";
  EXPECT_TRUE(udp_passes("vnet0", "lan0", {one_.mac, "0.0.0.0"}, {kBroadcast, "255.255.255.255"}, {68, 67}));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", {two_.mac, "0.0.0.0"}, {kBroadcast, "255.255.255.255"}, {68, 67}))
      << "with another's MAC";
  EXPECT_FALSE(udp_passes("vnet0", "lan0", {one_.mac, "0.0.0.0"}, other_)) << "clean-traffic would let it";
  EXPECT_TRUE(udp_passes("lan0", "vnet0", other_, one_, {67, 68}));
  EXPECT_FALSE(udp_passes("lan0", "vnet0", other_, one_));
}

TEST_F(LearnNetns, WhatAGuestForgesIsNoServersWord) {
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet0", one_.mac, "dhcp"), "b.xml"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet1", two_, "allow-ipv4"), "b.xml"));
  start_learner();
  const Bytes forged = dhcp_frame({kServerMac, one_.mac}, kServerIp, one_.ip, ack(one_));
  for (const char* port : {"vnet0", "vnet1", "lan0"}) NWF_ASSERT_OK(tap(port).send(forged));
  hear();
  EXPECT_TRUE(learned("vnet0").empty()) << "from itself, from a neighbour, from a TAP that nobody bound";
  EXPECT_GE(learner_->figures().untrusted, 3U);
}

TEST_F(LearnNetns, OnlyServersThatTheBindingNamesAreBelieved) {
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet0", one_.mac, "dhcp", "clean-traffic",
                                                          "<parameter name='DHCPSERVER' value='192.0.2.253'/>"
                                                          "<parameter name='DHCPSERVER' value='52:54:00:00:00:fd'/>"),
                                         "b.xml"));
  start_learner();
  server_says(ack(one_));
  hear();
  EXPECT_TRUE(learned("vnet0").empty());
  EXPECT_TRUE(HostSocket("br0").send(dhcp_frame({kServerMac, one_.mac}, "192.0.2.253", one_.ip, ack(one_))));
  hear();
  EXPECT_EQ(learned("vnet0"), std::vector<std::string>{"192.0.2.1 dhcp"});
  const Guest moved{one_.mac, "192.0.2.77"};
  EXPECT_TRUE(HostSocket("br0").send(dhcp_frame({"52:54:00:00:00:fd", one_.mac}, kServerIp, moved.ip, ack(moved))));
  hear();
  EXPECT_EQ(learned("vnet0"), std::vector<std::string>{"192.0.2.77 dhcp"}) << "by its MAC address; the client moved";
}

TEST_F(LearnNetns, ALeaseEndsWhenItsTimeIsOver) {
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet0", one_.mac, "dhcp"), "b.xml"));
  start_learner();
  server_says(ack(one_, 600));
  hear();
  ASSERT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
  pass_time(300'000);
  server_says(ack(one_, 600));
  hear();
  pass_time(599'000);
  hear(1);
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_)) << "it was renewed";
  pass_time(1'500);
  ASSERT_TRUE(learner_->next_deadline().has_value());
  EXPECT_LE(*learner_->next_deadline(), clock().boot);
  hear(1);
  EXPECT_TRUE(learned("vnet0").empty());
  EXPECT_FALSE(udp_passes("vnet0", "lan0", one_, other_));
  EXPECT_TRUE(udp_passes("vnet0", "lan0", {one_.mac, "0.0.0.0"}, {kBroadcast, "255.255.255.255"}, {68, 67}))
      << "it may ask again";
}

TEST_F(LearnNetns, AGuestGivesBackAndAServerDenies) {
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet0", one_.mac, "dhcp"), "b.xml"));
  start_learner();
  server_says(ack(one_));
  hear();
  ASSERT_EQ(learned("vnet0").size(), 1U);
  DhcpFields release = ack(one_);
  release.kind = 7;
  release.yiaddr = "0.0.0.0";
  release.ciaddr = one_.ip;
  release.lease_seconds.reset();
  guest_says("vnet0", release);
  hear();
  EXPECT_TRUE(learned("vnet0").empty());

  server_says(ack(one_));
  hear();
  DhcpFields decline = release;
  decline.kind = 4;
  decline.ciaddr = "0.0.0.0";
  decline.requested = one_.ip;
  guest_says("vnet0", decline);
  hear();
  EXPECT_TRUE(learned("vnet0").empty());

  server_says(ack(one_));
  hear();
  DhcpFields denial = ack(one_);
  denial.kind = 6;
  denial.yiaddr = "0.0.0.0";
  denial.lease_seconds.reset();
  server_says(denial);
  hear();
  EXPECT_TRUE(learned("vnet0").empty());
}

TEST_F(LearnNetns, TwoClientsOfOneGuestHaveAnAddressEach) {
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet0", one_.mac, "dhcp"), "b.xml"));
  start_learner();
  DhcpFields first = ack(one_), second = ack({one_.mac, "192.0.2.8"});
  first.client_id = "a";
  second.client_id = "b";
  server_says(first);
  server_says(second);
  hear();
  EXPECT_EQ(learned("vnet0"), (std::vector<std::string>{"192.0.2.1 dhcp", "192.0.2.8 dhcp"}));
  EXPECT_TRUE(udp_passes("vnet0", "lan0", {one_.mac, "192.0.2.8"}, other_));
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
}

TEST_F(LearnNetns, TheFirstAddressIsBelievedForGood) {
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet0", one_.mac, "any"), "b.xml"));
  start_learner();
  const auto announce = [&](const std::string& mac, const std::string& ip) {
    NWF_ASSERT_OK(tap("vnet0").send(arp_frame({mac, kBroadcast}, {1, mac, ip, kNobody, other_.ip}, next_tag())));
  };
  announce(two_.mac, two_.ip);
  announce(one_.mac, "0.0.0.0");
  announce(one_.mac, "255.255.255.255");
  hear();
  EXPECT_TRUE(learned("vnet0").empty()) << "another's MAC address, a probe, no host's address";
  announce(one_.mac, one_.ip);
  announce(one_.mac, two_.ip);
  hear();
  EXPECT_EQ(learned("vnet0"), std::vector<std::string>{"192.0.2.1 arp"});
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", {one_.mac, two_.ip}, other_));
}

TEST_F(LearnNetns, TaggedCopiesAndFragmentsTeachNothing) {
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet0", one_.mac, "any"), "b.xml"));
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet1", two_.mac, "dhcp"), "b.xml"));
  start_learner();
  Bytes tagged = arp_frame({one_.mac, kBroadcast}, {1, one_.mac, one_.ip, kNobody, other_.ip}, next_tag());
  const Bytes tag{0x81, 0x00, 0x00, 0x07};
  tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
  NWF_ASSERT_OK(tap("vnet0").send(tagged));
  Bytes piece = udp_frame({one_.mac, other_.mac}, one_.ip, other_.ip, {}, next_tag());
  piece[14 + 6] = 0x20;  // more fragments
  NWF_ASSERT_OK(tap("vnet0").send(piece));
  Bytes fragment = dhcp_frame({kServerMac, two_.mac}, kServerIp, two_.ip, ack(two_));
  Bytes tagged_ack = fragment;
  fragment[14 + 6] = 0x20;
  EXPECT_TRUE(HostSocket("br0").send(fragment));
  tagged_ack.insert(tagged_ack.begin() + 12, tag.begin(), tag.end());
  EXPECT_TRUE(HostSocket("br0").send(tagged_ack));
  hear();
  EXPECT_TRUE(learned("vnet0").empty());
  EXPECT_TRUE(learned("vnet1").empty());
}

TEST_F(LearnNetns, AnotherProcessGoesOnWithWhatWasLearned) {
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet0", one_.mac, "dhcp"), "b.xml"));
  start_learner();
  server_says(ack(one_, 600));
  hear();
  learner_.reset();
  host_.reset();
  // Meanwhile somebody sets the host's calendar back by a year.
  calendar_jump_ = std::int64_t{-365} * 24 * 3600 * 1000;
  auto again = host::open_learning(own_options());
  NWF_ASSERT_OK(again);
  host_ = std::move(*again);
  start_learner();
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
  const auto list = host_->learned_list("vnet0");
  NWF_ASSERT_OK(list);
  ASSERT_EQ(list->size(), 1U);
  EXPECT_NEAR(static_cast<double>(*list->at(0).lease_seconds), 600, 30);
  pass_time(601'000);
  hear(1);
  EXPECT_TRUE(learned("vnet0").empty());
}

TEST_F(LearnNetns, AnAdministratorGivesAndForgets) {
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet0", one_.mac, "dhcp"), "b.xml"));
  NWF_ASSERT_OK(service_->learned_set("vnet0", {one_.ip}));
  EXPECT_EQ(learned("vnet0"), std::vector<std::string>{"192.0.2.1 manual"});
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
  const auto missing = service_->learned_forget("vnet0", two_.ip);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().kind, ErrorKind::NotFound);
  NWF_ASSERT_OK(service_->learned_forget("vnet0", one_.ip));
  EXPECT_TRUE(learned("vnet0").empty());
  EXPECT_FALSE(udp_passes("vnet0", "lan0", one_, other_));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet1", two_, "clean-traffic"), "b.xml"));
  const auto given = service_->learned_set("vnet1", {one_.ip});
  ASSERT_FALSE(given.has_value());
  EXPECT_EQ(given.error().kind, ErrorKind::Refused);
}

TEST_F(LearnNetns, APortBoundAnewLearnsAnew) {
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet0", one_.mac, "dhcp"), "b.xml"));
  NWF_ASSERT_OK(service_->learned_set("vnet0", {one_.ip}));
  NWF_ASSERT_OK(service_->binding_delete("vnet0"));
  NWF_ASSERT_OK(service_->binding_create(learning_binding("vnet0", one_.mac, "dhcp"), "b.xml"));
  EXPECT_TRUE(learned("vnet0").empty());
  EXPECT_FALSE(udp_passes("vnet0", "lan0", one_, other_));
}

TEST_F(LearnNetns, WhereNothingIsToBeLearnedAMissingAddressIsAnError) {
  const auto bound = service_->binding_create(learning_binding("vnet0", one_.mac, "none"), "b.xml");
  ASSERT_FALSE(bound.has_value());
  EXPECT_EQ(bound.error().kind, ErrorKind::Invalid);
  EXPECT_NE(describe(bound.error()).find("$IP"), std::string::npos) << describe(bound.error());
  start_learner();
  EXPECT_EQ(learner_->descriptor(), -1) << "no port learns: nothing is captured";
}

}  // namespace
}  // namespace nwf::test
