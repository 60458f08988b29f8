// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/property/random_packet.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "engine/model/address.h"
#include "tests/property/random_filter.h"

namespace nwf::test {
namespace {

template <class Address>
Bytes bytes_of(const std::string& text) {
  const auto address = Address::parse(text);
  return {address->bytes.begin(), address->bytes.end()};
}

void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }
void append(Bytes& to, std::uint64_t number, std::size_t width) { append(to, to_bytes(number, width)); }
void put(Bytes& in, std::size_t at, std::uint16_t number) {
  in[at] = static_cast<std::uint8_t>(number >> 8U);
  in[at + 1] = static_cast<std::uint8_t>(number);
}

/// RFC 1071.
std::uint16_t checksum(Bytes data) {
  if (data.size() % 2 != 0) data.push_back(0);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < data.size(); i += 2) sum += static_cast<std::uint32_t>(data[i] << 8U | data[i + 1]);
  while ((sum >> 16U) != 0) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

/// RFC 9260 appendix A: CRC32c, kept in the packet with its lowest byte first.
std::uint32_t crc32c(const Bytes& data) {
  std::uint32_t crc = 0xffffffffU;
  for (const std::uint8_t byte : data) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
  }
  return ~crc;
}

struct Addresses {
  Bytes source, target;
};

Bytes with_checksum(Bytes segment, std::size_t at, const Addresses& ends, std::uint8_t protocol) {
  Bytes pseudo = ends.source;
  append(pseudo, ends.target);
  append(pseudo, segment.size(), 4);
  append(pseudo, protocol, 4);
  append(pseudo, segment);
  const std::uint16_t sum = checksum(pseudo);
  put(segment, at, sum == 0 ? 0xffff : sum);
  return segment;
}

std::uint16_t port(Dice& dice) { return static_cast<std::uint16_t>(std::stoul(dice.from(pool::kPorts))); }

struct Segment {
  std::uint8_t protocol = 17;
  Bytes bytes;
  std::string text;
};

Segment tcp_or_udp(Dice& dice, const Addresses& ends, const Bytes& tag, std::uint32_t number, bool tcp) {
  // One end's port is the packet's own, so that no two packets are of one flow.
  const auto own = static_cast<std::uint16_t>(2000 + number % 60000);
  const bool own_source = dice.chance(70);
  const std::uint16_t known = port(dice), source = own_source ? own : known, target = own_source ? known : own;
  Bytes out;
  append(out, source, 2);
  append(out, target, 2);
  if (!tcp) {
    append(out, 8 + tag.size(), 2);
    append(out, 0, 2);
    append(out, tag);
    return {17, with_checksum(out, 6, ends, 17), fmt::format("udp {} > {}", source, target)};
  }
  const auto flags = dice.one_of<std::uint8_t>({2, 2, 2, 16, 18, 4, 0, 1, 17, 0x29});
  const bool options = dice.chance(30);
  append(out, number, 4);
  append(out, (flags & 16U) != 0 ? 1 : 0, 4);
  out.push_back(static_cast<std::uint8_t>((options ? 7 : 5) << 4U));
  out.push_back(flags);
  append(out, 4096, 2);
  append(out, 0, 4);
  // RFC 9293: maximum segment size (2), no operation (1), window scale (3).
  if (options) append(out, dice.chance(50) ? Bytes{2, 4, 5, 0xb4, 1, 3, 3, 7} : Bytes{1, 1, 1, 3, 3, 2, 1, 0});
  append(out, tag);
  return {6, with_checksum(out, 16, ends, 6),
          fmt::format("tcp {} > {} flags {:#x}{}", source, target, flags, options ? " with options" : "")};
}

Segment segment(Dice& dice, const Addresses& ends, const Bytes& tag, std::uint32_t number, bool ipv6) {
  Bytes out;
  switch (dice.below(10)) {
    case 0:
    case 1:
    case 2:
      return tcp_or_udp(dice, ends, tag, number, true);
    case 3:
    case 4:
    case 5:
      return tcp_or_udp(dice, ends, tag, number, false);
    case 6:
    case 7: {
      const std::uint8_t type =
          ipv6 ? dice.one_of<std::uint8_t>({128, 129, 135, 1, 3}) : dice.one_of<std::uint8_t>({8, 0, 3, 13, 5});
      const auto code = dice.one_of<std::uint8_t>({0, 0, 1, 3});
      out = {type, code, 0, 0};
      append(out, number & 0xffffU, 2);
      append(out, 1, 2);
      append(out, tag);
      append(out, Bytes(24));
      const std::string text = fmt::format("icmp{} type {} code {}", ipv6 ? "v6" : "", type, code);
      if (ipv6) return {58, with_checksum(out, 2, ends, 58), text};
      put(out, 2, checksum(out));
      return {1, out, text};
    }
    case 8: {
      const std::uint16_t source = port(dice);
      append(out, source, 2);
      append(out, 2000 + number % 60000, 2);
      append(out, number, 4);
      append(out, 0, 4);
      // An INIT chunk, which opens an association; its verification tag must be 0 then.
      put(out, 4, 0);
      put(out, 6, 0);
      append(out, Bytes{1, 0});
      append(out, 20 + 4 + tag.size(), 2);
      append(out, number, 4);
      append(out, 65536, 4);
      append(out, Bytes{0, 1, 0, 1});
      append(out, number, 4);
      append(out, Bytes{0x80, 0x00});
      append(out, 4 + tag.size(), 2);
      append(out, tag);
      const std::uint32_t crc = crc32c(out);
      for (unsigned i = 0; i < 4; ++i) out[8 + i] = static_cast<std::uint8_t>(crc >> (8U * i));
      return {132, out, fmt::format("sctp {} > {}", source, 2000 + number % 60000)};
    }
    default: {
      const auto protocol = dice.one_of<std::uint8_t>({2, 50, 51, 200});
      // A security header that says how long it is: RFC 4302.
      out = {59, 4, 0, 0};
      append(out, number, 4);
      append(out, Bytes(4));
      append(out, tag);
      return {protocol, out, fmt::format("protocol {}", protocol)};
    }
  }
}

Bytes ipv4(Dice& dice, const Bytes& tag, std::uint32_t number, std::string& text) {
  const std::string source = dice.from(pool::kIpv4), target = dice.from(pool::kIpv4);
  const Addresses ends{bytes_of<Ipv4>(source), bytes_of<Ipv4>(target)};
  const Segment carried = segment(dice, ends, tag, number, false);
  const auto tos = dice.one_of<std::uint8_t>({0, 0, 32, 8, 184, 252});
  Bytes packet{0x45, tos};
  append(packet, 20 + carried.bytes.size(), 2);
  append(packet, number & 0xffffU, 2);
  append(packet, 0, 2);
  packet.push_back(64);
  packet.push_back(carried.protocol);
  append(packet, 0, 2);
  append(packet, ends.source);
  append(packet, ends.target);
  put(packet, 10, checksum(packet));
  append(packet, carried.bytes);
  text += fmt::format(" ip {} > {} tos {} {}", source, target, tos, carried.text);
  return packet;
}

Bytes ipv6(Dice& dice, const Bytes& tag, std::uint32_t number, std::string& text) {
  const std::string source = dice.from(pool::kIpv6), target = dice.from(pool::kIpv6);
  const Addresses ends{bytes_of<Ipv6>(source), bytes_of<Ipv6>(target)};
  const Segment carried = segment(dice, ends, tag, number, true);
  const auto traffic_class = dice.one_of<std::uint32_t>({0, 0, 32, 184});
  const bool options = dice.chance(15);
  Bytes packet;
  append(packet, 6U << 28U | traffic_class << 20U, 4);
  append(packet, carried.bytes.size() + (options ? 8 : 0), 2);
  packet.push_back(options ? 60 : carried.protocol);
  packet.push_back(64);
  append(packet, ends.source);
  append(packet, ends.target);
  if (options) append(packet, Bytes{carried.protocol, 0, 1, 4, 0, 0, 0, 0});
  append(packet, carried.bytes);
  text +=
      fmt::format(" ip6 {} > {} class {}{} {}", source, target, traffic_class, options ? " options" : "", carried.text);
  return packet;
}

Bytes arp(Dice& dice, const Bytes& tag, std::string& text) {
  const auto opcode = dice.one_of<std::uint16_t>({1, 1, 2, 3, 4});
  const std::string sender = dice.from(pool::kMacs), target = dice.from(pool::kMacs);
  const std::string sender_ip = dice.from(pool::kIpv4),
                    target_ip = dice.chance(30) ? sender_ip : dice.from(pool::kIpv4);
  Bytes packet{0, 1, 8, 0, 6, 4};
  append(packet, opcode, 2);
  append(packet, bytes_of<Mac>(sender));
  append(packet, bytes_of<Ipv4>(sender_ip));
  append(packet, bytes_of<Mac>(target));
  append(packet, bytes_of<Ipv4>(target_ip));
  append(packet, tag);
  text += fmt::format(" op {} {} {} > {} {}", opcode, sender, sender_ip, target, target_ip);
  return packet;
}

/// IEEE 802.1D: a configuration BPDU behind its LLC header.
Bytes bpdu(Dice& dice, const Bytes& tag, std::string& text) {
  Bytes packet{
      0x42, 0x42, 3, 0, 0, 0, dice.one_of<std::uint8_t>({0, 0, 128, 3}), dice.one_of<std::uint8_t>({0, 8, 128, 3})};
  append(packet, dice.one_of<std::uint64_t>({0, 1, 32768}), 2);
  append(packet, bytes_of<Mac>(dice.from(pool::kMacs)));
  append(packet, dice.one_of<std::uint64_t>({0, 4, 65536}), 4);
  append(packet, dice.one_of<std::uint64_t>({0, 1, 32768}), 2);
  append(packet, bytes_of<Mac>(dice.from(pool::kMacs)));
  for (int i = 0; i < 5; ++i) append(packet, dice.one_of<std::uint64_t>({0, 1, 2, 256, 2048}), 2);
  append(packet, tag);
  text += fmt::format(" {:02x}", fmt::join(packet, ""));
  return packet;
}

}  // namespace

RandomPacket random_packet(Dice& dice, std::uint32_t number) {
  RandomPacket out;
  out.from_guest = dice.chance(50);
  out.tag = {'n', 'w', 'f'};
  append(out.tag, number, 4);
  append(out.tag, 0xa55a5aa5U, 4);
  out.tag.push_back(0);
  const std::string source = dice.from(pool::kMacs);
  std::string target = dice.from(pool::kMacs);
  if (target == source) target = pool::kMacs[source == pool::kMacs[0] ? 1 : 0];
  out.text = fmt::format("{} {} > {}", out.from_guest ? "from the guest:" : "to the guest:", source, target);
  std::uint16_t type = 0;
  Bytes packet;
  const std::size_t kind = dice.below(20);
  if (kind < 7) {
    type = 0x0800;
    packet = ipv4(dice, out.tag, number, out.text);
  } else if (kind < 12) {
    type = 0x86dd;
    packet = ipv6(dice, out.tag, number, out.text);
  } else if (kind < 15) {
    type = 0x0806;
    out.text += " arp";
    packet = arp(dice, out.tag, out.text);
  } else if (kind == 15) {
    type = 0x8035;
    out.text += " rarp";
    packet = arp(dice, out.tag, out.text);
  } else if (kind == 16) {
    out.text += " bpdu";
    target = "01:80:c2:00:00:00";
    packet = bpdu(dice, out.tag, out.text);
    type = static_cast<std::uint16_t>(packet.size());
  } else if (kind == 17) {
    type = 0x88b5;
    packet = out.tag;
    out.text += " type 0x88b5";
  } else {
    const bool four = dice.chance(60);
    const auto id = dice.one_of<unsigned>({7, 100, 1});
    append(packet, dice.one_of<unsigned>({0, 5}) << 13U | id, 2);
    append(packet, four ? 0x0800 : 0x0806, 2);
    out.text += fmt::format(" vlan {}", id);
    append(packet, four ? ipv4(dice, out.tag, number, out.text) : arp(dice, out.tag, out.text));
    type = 0x8100;
  }
  out.frame = bytes_of<Mac>(target);
  append(out.frame, bytes_of<Mac>(source));
  append(out.frame, type, 2);
  append(out.frame, packet);
  return out;
}

std::optional<RandomPacket> reply_to(const RandomPacket& packet, std::uint32_t number) {
  const Bytes& frame = packet.frame;
  if (frame.size() < 42 || to_number({frame[12], frame[13]}) != 0x0800 || frame[14] != 0x45) return std::nullopt;
  const bool udp = frame[23] == 17;
  if (!udp && !(frame[23] == 6 && frame[47] == 2)) return std::nullopt;
  RandomPacket out;
  out.from_guest = !packet.from_guest;
  out.tag = packet.tag;
  for (unsigned i = 0; i < 4; ++i) out.tag[3 + i] = static_cast<std::uint8_t>(number >> (24U - 8U * i));
  out.frame = frame;
  std::swap_ranges(out.frame.begin(), out.frame.begin() + 6, out.frame.begin() + 6);
  std::swap_ranges(out.frame.begin() + 26, out.frame.begin() + 30, out.frame.begin() + 30);
  std::swap_ranges(out.frame.begin() + 34, out.frame.begin() + 36, out.frame.begin() + 36);
  std::copy(out.tag.begin(), out.tag.end(), out.frame.end() - static_cast<std::ptrdiff_t>(out.tag.size()));
  const Addresses ends{{out.frame.begin() + 26, out.frame.begin() + 30},
                       {out.frame.begin() + 30, out.frame.begin() + 34}};
  Bytes carried(out.frame.begin() + 34, out.frame.end());
  if (udp) {
    put(carried, 6, 0);
    carried = with_checksum(carried, 6, ends, 17);
  } else {
    carried[13] = 18;  // SYN, ACK
    const std::uint64_t sequence = to_number({carried[4], carried[5], carried[6], carried[7]}) + 1;
    const Bytes acknowledged = to_bytes(sequence, 4);
    std::copy(acknowledged.begin(), acknowledged.end(), carried.begin() + 8);
    put(carried, 16, 0);
    carried = with_checksum(carried, 16, ends, 6);
  }
  std::copy(carried.begin(), carried.end(), out.frame.begin() + 34);
  out.text = "the reply to " + packet.text;
  return out;
}

}  // namespace nwf::test
