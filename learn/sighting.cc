// SPDX-License-Identifier: GPL-2.0-or-later
#include "learn/sighting.h"

#include "learn/packet.h"

namespace nwf::learn {
namespace {

constexpr std::uint8_t kNeighbourSolicitation = 135, kNeighbourAdvertisement = 136, kHopLimit = 255, kFragment = 44;

template <class Address>
std::optional<Sighting> seen(const Address& address, Sighting::How how) {
  if (!is_unicast(address)) return std::nullopt;
  return Sighting{address, how};
}

std::optional<Sighting> in_arp(const Mac& sender, View packet) {
  Reader reader(packet);
  const auto hardware = reader.u16(), protocol = reader.u16();
  const auto hardware_length = reader.u8(), protocol_length = reader.u8();
  const auto operation = reader.u16();
  const auto speaker = reader.address<Mac>();
  const auto address = reader.address<Ipv4>();
  constexpr std::size_t kTarget = 10;
  if (!address || !operation || !reader.skip(kTarget)) return std::nullopt;
  const bool over_ethernet = *hardware == 1 && *protocol == kEtherIpv4 && *hardware_length == speaker->bytes.size() &&
                             *protocol_length == address->bytes.size();
  if (!over_ethernet || *speaker != sender) return std::nullopt;
  return seen(*address, Sighting::How::Arp);
}

std::optional<Sighting> in_ipv4(View packet) {
  Reader reader(packet);
  const auto head = reader.u8(), tos = reader.u8();
  const auto total = reader.u16(), identification = reader.u16(), fragment = reader.u16();
  constexpr std::size_t kTtlProtocolChecksum = 4;
  constexpr std::uint16_t kMoreOrOffset = 0x3fff;
  if (!fragment || !tos || !identification || !reader.skip(kTtlProtocolChecksum)) return std::nullopt;
  const auto source = reader.address<Ipv4>(), target = reader.address<Ipv4>();
  if (!target || *head >> 4U != 4 || (*head & 15U) < 5 || *total < packet.size() - reader.rest().size())
    return std::nullopt;
  if ((*fragment & kMoreOrOffset) != 0) return std::nullopt;
  return seen(*source, Sighting::How::Ip);
}

std::optional<Sighting> in_ipv6(View packet) {
  Reader reader(packet);
  const auto head = reader.u32();
  const auto length = reader.u16();
  const auto next = reader.u8(), hops = reader.u8();
  const auto source = reader.address<Ipv6>(), target = reader.address<Ipv6>();
  if (!target || !length || !hops || *head >> 28U != 6 || *next == kFragment) return std::nullopt;
  if (const auto message = icmpv6(packet);
      message && (message->type == kNeighbourSolicitation || message->type == kNeighbourAdvertisement)) {
    Reader body(message->body);
    if (message->hop_limit != kHopLimit || message->code != 0 || !body.skip(4)) return std::nullopt;
    const auto about = body.address<Ipv6>();
    if (!about) return std::nullopt;
    const bool detecting = message->type == kNeighbourSolicitation && *source == Ipv6{};
    if (detecting || message->type == kNeighbourAdvertisement) return seen(*about, Sighting::How::Neighbour);
    return seen(*source, Sighting::How::Neighbour);
  }
  return seen(*source, Sighting::How::Ip);
}

}  // namespace

std::optional<Sighting> sighting(const Mac& sender, std::uint16_t ether_type, View packet) {
  if (sender.is_multicast()) return std::nullopt;
  switch (ether_type) {
    case kEtherArp:
      return in_arp(sender, packet);
    case kEtherIpv4:
      return in_ipv4(packet);
    case kEtherIpv6:
      return in_ipv6(packet);
    default:
      return std::nullopt;
  }
}

}  // namespace nwf::learn
