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

Bytes frame(std::uint16_t type, const Bytes& packet, bool tagged = false) {
  Bytes out(6, 0xff);
  append(out, kGuest.bytes);
  if (tagged) append(out, Bytes{0x81, 0x00, 0x00, 0x07});
  append(out, Bytes{static_cast<std::uint8_t>(type >> 8U), static_cast<std::uint8_t>(type)});
  return append(out, packet);
}

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

std::string told(const Bytes& bytes) {
  const auto found = sighting(bytes);
  if (!found) return "";
  EXPECT_EQ(found->mac, kGuest);
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

TEST(Sighting, OneTagIsLookedThrough) { EXPECT_EQ(told(frame(0x0800, ipv4("192.0.2.7"), true)), "192.0.2.7"); }

TEST(Sighting, AFrameFromAGroupAddressTellsNothing) {
  Bytes bytes = frame(0x0800, ipv4("192.0.2.7"));
  bytes[6] |= 1;
  EXPECT_EQ(sighting(bytes), std::nullopt);
}

TEST(Sighting, AFrameCutShortAnywhereIsNotReadBeyondItsEnd) {
  for (const Bytes& whole : {frame(0x0806, arp(kGuest, "192.0.2.1")), frame(0x0800, ipv4("192.0.2.7"), true),
                             frame(0x86dd, ipv6("fe80::1"))}) {
    // Each in memory of its own size, so that a sanitizer sees one byte too many.
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      const auto found = sighting(cut);
      if (size < 34) {
        EXPECT_EQ(found, std::nullopt) << size;
      }
    }
  }
}

}  // namespace
}  // namespace nwf::learn
