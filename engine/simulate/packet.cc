// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/simulate/packet.h"

#include "engine/program/packet_field.h"

namespace nwf::simulate {
namespace {

using View = std::span<const std::uint8_t>;

std::size_t u16(View bytes, std::size_t at) { return static_cast<std::size_t>(bytes[at]) << 8U | bytes[at + 1]; }

/// nft_set_pktinfo_ipv4_validate().
void dissect_ipv4(View packet, Headers& out) {
  constexpr std::size_t kHeaderBytes = 20;
  if (packet.size() < kHeaderBytes || packet[0] >> 4U != 4) return;
  const std::size_t header = static_cast<std::size_t>(packet[0] & 15U) * 4, total = u16(packet, 2);
  if (header < kHeaderBytes || total > packet.size() || total < header) return;
  out.ipv4 = true;
  out.l4proto = packet[9];
  if ((u16(packet, 6) & 0x1fffU) == 0) out.transport = out.network + header;
}

/// nft_set_pktinfo_ipv6_validate() and ipv6_find_hdr() without a target: the last header is the transport protocol, and
/// an authentication header ends the walk (IP6_FH_F_AUTH).
void dissect_ipv6(View packet, Headers& out) {
  constexpr std::size_t kHeaderBytes = 40;
  constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kNone = 59, kOptions = 60;
  if (packet.size() < kHeaderBytes || packet[0] >> 4U != 6) return;
  if (kHeaderBytes + u16(packet, 4) > packet.size()) return;
  out.ipv6 = true;
  std::uint8_t next = packet[6];
  std::size_t at = kHeaderBytes;
  const auto is_extension = [](std::uint8_t header) {
    return header == kHopByHop || header == kRouting || header == kFragment || header == kOptions;
  };
  while (next != kNone && is_extension(next)) {
    if (at + 8 > packet.size()) return;
    std::size_t length = (static_cast<std::size_t>(packet[at + 1]) + 1) * 8;
    if (next == kFragment) {
      length = 8;
      if ((u16(packet, at + 2) & 0xfff8U) != 0) {
        // A later fragment: what it carries is known, where its header is is not.
        if (!is_extension(packet[at])) out.l4proto = packet[at];
        return;
      }
    }
    next = packet[at];
    at += length;
  }
  out.l4proto = next;
  out.transport = out.network + at;
}

}  // namespace

std::optional<Headers> dissect(View frame) {
  constexpr std::size_t kTypeAt = 12, kTag = 4;
  Headers out;
  if (frame.size() < kTypeAt + 2) return std::nullopt;
  std::size_t type_at = kTypeAt;
  if (u16(frame, type_at) == ethertype::kVlan && frame.size() >= kTypeAt + kTag + 2) {
    out.tagged = true;
    type_at += kTag;
  }
  out.ether_type = static_cast<std::uint16_t>(u16(frame, type_at));
  out.network = type_at + 2;
  const View packet = frame.subspan(out.network);
  if (out.ether_type == ethertype::kIpv4) dissect_ipv4(packet, out);
  if (out.ether_type == ethertype::kIpv6) dissect_ipv6(packet, out);
  return out;
}

}  // namespace nwf::simulate
