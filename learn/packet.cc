// SPDX-License-Identifier: GPL-2.0-or-later
#include "learn/packet.h"

namespace nwf::learn {
namespace {

constexpr std::uint8_t kUdp = 17, kIcmpv6 = 58;

struct Ipv6Packet {
  Ipv6 source;
  Ipv6 target;
  std::uint8_t hop_limit = 0;
  std::uint8_t next_header = 0;
  View payload;
};

std::optional<Ipv6Packet> ipv6(View bytes) {
  Reader reader(bytes);
  const auto head = reader.u32();
  const auto length = reader.u16();
  const auto next = reader.u8(), hops = reader.u8();
  const auto source = reader.address<Ipv6>(), target = reader.address<Ipv6>();
  if (!target || *head >> 28U != 6) return std::nullopt;
  const auto payload = reader.take(*length);
  if (!payload) return std::nullopt;
  return Ipv6Packet{*source, *target, *hops, *next, *payload};
}

template <class Address>
std::optional<Datagram<Address>> udp(const Address& source, const Address& target, View payload) {
  Reader reader(payload);
  const auto from = reader.u16(), to = reader.u16(), length = reader.u16();
  constexpr std::size_t kHeaderBytes = 8;
  if (!reader.skip(2) || *length < kHeaderBytes) return std::nullopt;
  const auto data = reader.take(*length - kHeaderBytes);
  if (!data) return std::nullopt;
  return Datagram<Address>{source, target, *from, *to, *data};
}

}  // namespace

std::optional<Datagram<Ipv4>> udp_over_ipv4(View packet) {
  Reader reader(packet);
  const auto head = reader.u8();
  const auto tos = reader.u8();
  const auto total = reader.u16(), identification = reader.u16(), fragment = reader.u16();
  const auto ttl = reader.u8(), protocol = reader.u8();
  const auto checksum = reader.u16();
  const auto source = reader.address<Ipv4>(), target = reader.address<Ipv4>();
  if (!target || !tos || !identification || !ttl || !checksum || *head >> 4U != 4) return std::nullopt;
  const std::size_t header = (*head & 15U) * std::size_t{4};
  constexpr std::size_t kFixedBytes = 20;
  constexpr std::uint16_t kMoreOrOffset = 0x3fff;
  if (header < kFixedBytes || *total < header || *total > packet.size()) return std::nullopt;
  if ((*fragment & kMoreOrOffset) != 0 || *protocol != kUdp) return std::nullopt;
  return udp(*source, *target, packet.subspan(header, *total - header));
}

std::optional<Datagram<Ipv6>> udp_over_ipv6(View packet) {
  const auto whole = ipv6(packet);
  if (!whole || whole->next_header != kUdp) return std::nullopt;
  return udp(whole->source, whole->target, whole->payload);
}

std::optional<Icmpv6> icmpv6(View packet) {
  const auto whole = ipv6(packet);
  if (!whole || whole->next_header != kIcmpv6) return std::nullopt;
  Reader reader(whole->payload);
  const auto type = reader.u8(), code = reader.u8();
  if (!reader.skip(2)) return std::nullopt;
  return Icmpv6{whole->source, whole->target, whole->hop_limit, *type, *code, reader.rest()};
}

bool is_unicast(const Ipv4& address) {
  const unsigned first = address.bytes[0];
  return first != 0 && first != 127 && first < 224;
}

bool is_unicast(const Ipv6& address) {
  // ::/80 holds the unspecified address, loopback, and IPv4 addresses, mapped or compatible (RFC 4291 2.5.5).
  const auto& bytes = address.bytes;
  return bytes[0] != 0xff &&
         std::any_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t byte) { return byte != 0; });
}

bool is_link_local(const Ipv6& address) { return address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0U) == 0x80; }

}  // namespace nwf::learn
