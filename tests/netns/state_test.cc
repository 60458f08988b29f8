// SPDX-License-Identifier: GPL-2.0-or-later
// Connection state and reject on bridged packets, by whatever means this kernel has.
#include "tests/netns/fixture.h"

namespace nwf::test {
namespace {

constexpr std::uint8_t kSyn = 0x02, kSynAck = 0x12, kAck = 0x10;

class StateNetns : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    for (const char* port : {"vnet0", "lan0"}) add_guest(port);
    const auto status = service_->status();
    NWF_ASSERT_OK(status);
    if (status->connection_state == "none")
      GTEST_SKIP() << "this kernel has neither nf_conntrack_bridge nor br_netfilter";
  }

  void define_and_bind(const std::string& rules) {
    NWF_ASSERT_OK(service_->filter_define("<filter name='stateful'>" + rules + "</filter>", "f.xml"));
    NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "stateful"), "b.xml"));
  }

  static constexpr const char* kClosed = "<rule action='drop' direction='inout' priority='1000'><all/></rule>";
};

TEST_F(StateNetns, AnAcceptedConnectionMayAnswerAndNothingElseMay) {
  define_and_bind(std::string("<rule action='accept' direction='out'><tcp dstportstart='80'/></rule>") + kClosed);
  EXPECT_FALSE(tcp_passes("lan0", "vnet0", other_, one_,
                          {.source = 80, .target = 41000, .flags = kSynAck, .sequence = 1, .acknowledged = 1}))
      << "an answer to nothing";
  EXPECT_TRUE(tcp_passes("vnet0", "lan0", one_, other_, {.source = 40000, .target = 80, .flags = kSyn}));
  EXPECT_TRUE(
      tcp_passes("lan0", "vnet0", other_, one_,
                 {.source = 80, .target = 40000, .flags = kSynAck, .sequence = 5000, .acknowledged = 1000 + 1 + 12}));
  EXPECT_FALSE(tcp_passes("lan0", "vnet0", other_, one_, {.source = 80, .target = 40001, .flags = kSyn}))
      << "a connection to the guest";
  EXPECT_FALSE(tcp_passes("vnet0", "lan0", one_, other_, {.source = 40002, .target = 81, .flags = kSyn}))
      << "another port";
}

TEST_F(StateNetns, UdpAnswersToo) {
  define_and_bind(std::string("<rule action='accept' direction='in'><udp dstportstart='53'/></rule>") + kClosed);
  EXPECT_FALSE(udp_passes("vnet0", "lan0", one_, other_, {.source = 53, .target = 4000}));
  EXPECT_TRUE(udp_passes("lan0", "vnet0", other_, one_, {.source = 4001, .target = 53}));
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_, {.source = 53, .target = 4001}));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", one_, other_, {.source = 4001, .target = 53}));
}

TEST_F(StateNetns, WithoutStatematchEachPacketStandsForItself) {
  define_and_bind(
      std::string("<rule action='accept' direction='out' statematch='false'><tcp dstportstart='80'/></rule>") +
      kClosed);
  EXPECT_TRUE(tcp_passes("lan0", "vnet0", other_, one_, {.source = 80, .target = 40000, .flags = kAck}));
}

TEST_F(StateNetns, RejectTellsTheSender) {
  // The host tells by its own routing; it needs an address on the bridge to do it from.
  NWF_ASSERT_OK(set_mac("br0", *Mac::parse("52:54:00:00:00:fe")));
  NWF_ASSERT_OK(add_ipv4("br0", *Ipv4::parse("192.0.2.254"), 24));
  define_and_bind("<rule action='reject' direction='out'><udp dstportstart='53'/></rule>");
  if (service_->status()->reject == "drop") GTEST_SKIP() << "this kernel cannot reject bridged packets";
  tap("vnet0").drain();
  tap("lan0").drain();
  const Bytes tag = next_tag();
  NWF_ASSERT_OK(
      tap("vnet0").send(udp_frame({one_.mac, other_.mac}, one_.ip, other_.ip, {.source = 4000, .target = 53}, tag)));
  // Where the host has to send the answer itself, it asks for the guest's address first.
  bool told = false;
  const bool done = wait_for(
      [&] {
        const auto frame = tap("vnet0").receive(std::chrono::milliseconds(10));
        if (!frame || frame->size() < 36) return false;
        const bool asks = (*frame)[12] == 0x08 && (*frame)[13] == 0x06 && (*frame)[21] == 1;
        if (asks) {
          const Bytes nothing;
          const Bytes asker((*frame).begin() + 6, (*frame).begin() + 12);
          const auto sent = tap("vnet0").send(arp_frame(
              {one_.mac, "52:54:00:00:00:fe"}, {2, one_.mac, one_.ip, "52:54:00:00:00:fe", "192.0.2.254"}, nothing));
          EXPECT_TRUE(sent.has_value());
        }
        // RFC 792: IPv4, protocol ICMP, type 3 (unreachable), code 3 (port)
        told =
            (*frame)[12] == 0x08 && (*frame)[13] == 0x00 && (*frame)[23] == 1 && (*frame)[34] == 3 && (*frame)[35] == 3;
        return told;
      },
      std::chrono::seconds(3));
  EXPECT_TRUE(done && told) << "no ICMP port unreachable came back";
  EXPECT_FALSE(arrives(tap("lan0"), tag)) << "the rejected packet went on";
}

TEST_F(StateNetns, WithoutConnectionStateAStatefulRuleIsRefusedByName) {
  if (service_->status()->capabilities.bridge_conntrack == Probe::Yes)
    GTEST_SKIP() << "this kernel has nf_conntrack_bridge";
  NWF_ASSERT_OK(set_sysctl("net/bridge/bridge-nf-call-iptables", "0"));
  auto fresh = open_service();
  NWF_ASSERT_OK((*fresh)->filter_define(
      "<filter name='stateful'>\n<rule action='accept' direction='out'><tcp/></rule></filter>", "f.xml"));
  const auto bound = (*fresh)->binding_create(binding("vnet0", one_, "stateful"), "b.xml");
  ASSERT_FALSE(bound.has_value()) << "silently weakened";
  EXPECT_EQ(bound.error().kind, ErrorKind::Unsupported);
  EXPECT_NE(bound.error().message.find("stateful rule 1"), std::string::npos) << bound.error().message;
  EXPECT_NE(bound.error().remedy.find("bridge-nf-call-iptables"), std::string::npos) << bound.error().remedy;
  EXPECT_TRUE(backend_->read()->ruleset.tables.empty());
}

}  // namespace
}  // namespace nwf::test
