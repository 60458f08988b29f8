// SPDX-License-Identifier: GPL-2.0-or-later
#include "learn/sighting.h"

#include <algorithm>
#include <array>

namespace nwf::learn {
namespace {

using View = std::span<const std::uint8_t>;

constexpr std::size_t kMacBytes = 6, kTypeAt = 12, kTagBytes = 4;
constexpr unsigned kIpv4 = 0x0800, kArp = 0x0806, kVlan = 0x8100, kIpv6 = 0x86dd;
constexpr unsigned kNextHeaderIcmpv6 = 58, kNeighbourSolicitation = 135, kNeighbourAdvertisement = 136;

unsigned u16(View bytes, std::size_t at) { return static_cast<unsigned>(bytes[at]) << 8U | bytes[at + 1]; }

template <class Address>
Address address_at(View bytes, std::size_t at) {
  Address address;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), address.bytes.size(), address.bytes.begin());
  return address;
}

/// One host's own address. RFC 1122 3.2.1.3: network 0 and 127 are nobody's, 224 and above no single host's.
bool is_unicast(const Ipv4& address) {
  const unsigned first = address.bytes[0];
  return first != 0 && first != 127 && first < 224;
}

/// RFC 4291 2.4.
bool is_unicast(const Ipv6& address) {
  constexpr Ipv6 kUnspecified{};
  constexpr Ipv6 kLoopback{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  return address != kUnspecified && address != kLoopback && address.bytes[0] != 0xff;
}

template <class Address>
std::optional<Sighting> seen(const Mac& mac, const Address& address) {
  if (!is_unicast(address)) return std::nullopt;
  return Sighting{mac, address};
}

std::optional<Sighting> in_arp(const Mac& mac, View packet) {
  constexpr std::size_t kArpBytes = 28;
  if (packet.size() < kArpBytes) return std::nullopt;
  const bool over_ethernet = u16(packet, 0) == 1 && u16(packet, 2) == kIpv4 && packet[4] == kMacBytes && packet[5] == 4;
  if (!over_ethernet || address_at<Mac>(packet, 8) != mac) return std::nullopt;
  return seen(mac, address_at<Ipv4>(packet, 14));
}

std::optional<Sighting> in_ipv4(const Mac& mac, View packet) {
  constexpr std::size_t kHeaderBytes = 20;
  if (packet.size() < kHeaderBytes || packet[0] >> 4U != 4 || (packet[0] & 15U) < 5) return std::nullopt;
  return seen(mac, address_at<Ipv4>(packet, 12));
}

std::optional<Sighting> in_ipv6(const Mac& mac, View packet) {
  constexpr std::size_t kHeaderBytes = 40, kTargetAt = 8;
  if (packet.size() < kHeaderBytes || packet[0] >> 4U != 6) return std::nullopt;
  const auto source = address_at<Ipv6>(packet, 8);
  const View message = packet.subspan(kHeaderBytes);
  if (packet[6] == kNextHeaderIcmpv6 && message.size() >= kTargetAt + source.bytes.size()) {
    const bool detecting = message[0] == kNeighbourSolicitation && source == Ipv6{};
    if (detecting || message[0] == kNeighbourAdvertisement) return seen(mac, address_at<Ipv6>(message, kTargetAt));
  }
  return seen(mac, source);
}

}  // namespace

std::optional<Sighting> sighting(View frame) {
  std::size_t type_at = kTypeAt;
  if (frame.size() < type_at + 2) return std::nullopt;
  const auto mac = address_at<Mac>(frame, kMacBytes);
  if (mac.is_multicast()) return std::nullopt;
  if (u16(frame, type_at) == kVlan) type_at += kTagBytes;
  if (frame.size() < type_at + 2) return std::nullopt;
  const View packet = frame.subspan(type_at + 2);
  switch (u16(frame, type_at)) {
    case kArp:
      return in_arp(mac, packet);
    case kIpv4:
      return in_ipv4(mac, packet);
    case kIpv6:
      return in_ipv6(mac, packet);
    default:
      return std::nullopt;
  }
}

}  // namespace nwf::learn
