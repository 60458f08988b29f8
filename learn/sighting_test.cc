// SPDX-License-Identifier: GPL-2.0-or-later
#include "learn/sighting.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nwf::learn {
namespace {

using Bytes = std::vector<std::uint8_t>;

const Mac kGuest = *Mac::parse("52:54:00:00:00:01");
const Mac kOther = *Mac::parse("52:54:00:00:00:02");

Bytes& append(Bytes& to, const auto& bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
  return to;
}

/// A packet from the guest, with its type.
struct Sent {
  std::uint16_t type;
  Bytes packet;
};

Sent frame(std::uint16_t type, const Bytes& packet) { return {type, packet}; }

Bytes arp(const Mac& sender, const char* address) {
  Bytes packet{0, 1, 8, 0, 6, 4, 0, 1};
  append(packet, sender.bytes);
  append(packet, Ipv4::parse(address)->bytes);
  append(packet, Bytes(6));
  return append(packet, Ipv4::parse("192.0.2.254")->bytes);
}

Bytes ipv4(const char* source) {
  Bytes packet{0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0};
  append(packet, Ipv4::parse(source)->bytes);
  return append(packet, Ipv4::parse("198.51.100.1")->bytes);
}

Bytes ipv6(const char* source, std::uint8_t icmp_type = 0, const char* target = "::") {
  Bytes packet{0x60, 0, 0, 0, 0, 24, static_cast<std::uint8_t>(icmp_type == 0 ? 17 : 58), 255};
  append(packet, Ipv6::parse(source)->bytes);
  append(packet, Ipv6::parse("ff02::1")->bytes);
  append(packet, Bytes{icmp_type, 0, 0, 0, 0, 0, 0, 0});
  return append(packet, Ipv6::parse(target)->bytes);
}

std::string told(const Sent& sent) {
  const auto found = sighting(kGuest, sent.type, sent.packet);
  if (!found) return "";
  return std::visit([](const auto& address) { return address.text(); }, found->address);
}

TEST(Sighting, ArpTellsItsSender) { EXPECT_EQ(told(frame(0x0806, arp(kGuest, "192.0.2.1"))), "192.0.2.1"); }

TEST(Sighting, AnArpProbeAsksAndTellsNothing) { EXPECT_EQ(told(frame(0x0806, arp(kGuest, "0.0.0.0"))), ""); }

TEST(Sighting, ArpForSomebodyElseTellsNothing) { EXPECT_EQ(told(frame(0x0806, arp(kOther, "192.0.2.1"))), ""); }

TEST(Sighting, Ipv4TellsItsSource) { EXPECT_EQ(told(frame(0x0800, ipv4("192.0.2.7"))), "192.0.2.7"); }

TEST(Sighting, WhatIsNoUnicastAddressTellsNothing) {
  for (const char* source : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"})
    EXPECT_EQ(told(frame(0x0800, ipv4(source))), "") << source;
  for (const char* source : {"::", "::1", "ff02::5"}) EXPECT_EQ(told(frame(0x86dd, ipv6(source))), "") << source;
}

TEST(Sighting, Ipv6TellsItsSource) { EXPECT_EQ(told(frame(0x86dd, ipv6("fe80::1"))), "fe80::1"); }

TEST(Sighting, DuplicateAddressDetectionTellsWhatIsAboutToBeUsed) {
  EXPECT_EQ(told(frame(0x86dd, ipv6("::", 135, "2001:db8::5"))), "2001:db8::5");
}

TEST(Sighting, ASolicitationForAnotherTellsTheSourceOnly) {
  EXPECT_EQ(told(frame(0x86dd, ipv6("2001:db8::9", 135, "2001:db8::5"))), "2001:db8::9");
}

TEST(Sighting, AnAdvertisementTellsItsTarget) {
  EXPECT_EQ(told(frame(0x86dd, ipv6("fe80::1", 136, "2001:db8::5"))), "2001:db8::5");
}

TEST(Sighting, WhatHasAnotherTypeTellsNothing) {
  EXPECT_EQ(told(frame(0x8100, ipv4("192.0.2.7"))), "");
  EXPECT_EQ(told(frame(0x88a8, arp(kGuest, "192.0.2.1"))), "");
}

TEST(Sighting, AFragmentTellsNothing) {
  Bytes first = ipv4("192.0.2.7"), later = first;
  first[6] = 0x20;
  later[7] = 1;
  EXPECT_EQ(told(frame(0x0800, first)), "");
  EXPECT_EQ(told(frame(0x0800, later)), "");
}

TEST(Sighting, NeighbourDiscoveryFromAfarTellsNothing) {
  Bytes packet = ipv6("fe80::1", 136, "2001:db8::5");
  packet[7] = 254;
  EXPECT_EQ(told(frame(0x86dd, packet)), "");
}

TEST(Sighting, AFrameFromAGroupAddressTellsNothing) {
  const Bytes packet = ipv4("192.0.2.7");
  EXPECT_EQ(sighting(*Mac::parse("53:54:00:00:00:01"), 0x0800, packet), std::nullopt);
}

TEST(Sighting, AFrameCutShortAnywhereTellsNothing) {
  for (const Sent& whole :
       {frame(0x0806, arp(kGuest, "192.0.2.1")), frame(0x0800, ipv4("192.0.2.7")), frame(0x86dd, ipv6("fe80::1"))}) {
    // Each in memory of its own size, so that a sanitizer sees one byte too many.
    for (std::size_t size = 0; size < (whole.type == 0x0806 ? 28U : whole.type == 0x0800 ? 20U : 40U); ++size) {
      const Bytes cut(whole.packet.begin(), whole.packet.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(told({whole.type, cut}), "") << size;
    }
  }
}

}  // namespace
}  // namespace nwf::learn
