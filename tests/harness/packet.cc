// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/harness/packet.h"

#include <atomic>
#include <cstdlib>

namespace nwf::test {
namespace {

template <class Address>
Bytes bytes_of(const std::string& text) {
  const auto address = Address::parse(text);
  if (!address) std::abort();  // a test that cannot write an address is no test
  return Bytes(address->bytes.begin(), address->bytes.end());
}

void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }
void append(Bytes& to, std::uint64_t number, std::size_t width) { append(to, to_bytes(number, width)); }

/// RFC 1071.
std::uint16_t checksum(Bytes data) {
  if (data.size() % 2 != 0) data.push_back(0);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < data.size(); i += 2) sum += static_cast<std::uint32_t>(data[i] << 8U | data[i + 1]);
  while ((sum >> 16U) != 0) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

void put(Bytes& in, std::size_t at, std::uint16_t number) {
  in[at] = static_cast<std::uint8_t>(number >> 8U);
  in[at + 1] = static_cast<std::uint8_t>(number);
}

Bytes ethernet(const Ends& ends, std::uint16_t type) {
  Bytes frame = bytes_of<Mac>(ends.target_mac);
  append(frame, bytes_of<Mac>(ends.source_mac));
  append(frame, type, 2);
  return frame;
}

/// `segment` with its checksum, at this offset, over the pseudo header too.
void finish(Bytes& segment, std::size_t at, const Bytes& source, const Bytes& target, std::uint8_t protocol) {
  Bytes pseudo = source;
  append(pseudo, target);
  append(pseudo, segment.size(), 4);
  append(pseudo, protocol, 4);
  append(pseudo, segment);
  const std::uint16_t sum = checksum(pseudo);
  put(segment, at, sum == 0 ? 0xffff : sum);
}

Bytes ipv4(const Bytes& source, const Bytes& target, std::uint8_t protocol, const Bytes& segment) {
  Bytes header{0x45, 0};
  append(header, 20 + segment.size(), 2);
  append(header, 4242, 2);
  append(header, 0, 2);
  header.push_back(64);
  header.push_back(protocol);
  append(header, 0, 2);
  append(header, source);
  append(header, target);
  put(header, 10, checksum(header));
  append(header, segment);
  return header;
}

Bytes udp_segment(const Udp& udp, const Bytes& tag) {
  Bytes segment;
  append(segment, udp.source, 2);
  append(segment, udp.target, 2);
  append(segment, 8 + tag.size(), 2);
  append(segment, 0, 2);
  append(segment, tag);
  return segment;
}

}  // namespace

Bytes next_tag() {
  static std::atomic<std::uint32_t> count{0};
  Bytes tag{'n', 'w', 'f', '-'};
  append(tag, ++count, 4);
  append(tag, 0x5a5aa5a5U, 4);
  return tag;
}

Bytes udp_frame(const Ends& ends, const std::string& source_ip, const std::string& target_ip, const Udp& udp,
                const Bytes& tag) {
  const Bytes source = bytes_of<Ipv4>(source_ip), target = bytes_of<Ipv4>(target_ip);
  Bytes segment = udp_segment(udp, tag);
  finish(segment, 6, source, target, 17);
  Bytes frame = ethernet(ends, 0x0800);
  append(frame, ipv4(source, target, 17, segment));
  return frame;
}

Bytes tcp_frame(const Ends& ends, const std::string& source_ip, const std::string& target_ip, const Tcp& tcp,
                const Bytes& tag) {
  const Bytes source = bytes_of<Ipv4>(source_ip), target = bytes_of<Ipv4>(target_ip);
  Bytes segment;
  append(segment, tcp.source, 2);
  append(segment, tcp.target, 2);
  append(segment, tcp.sequence, 4);
  append(segment, tcp.acknowledged, 4);
  segment.push_back(5 << 4);
  segment.push_back(tcp.flags);
  append(segment, 4096, 2);
  append(segment, 0, 4);
  append(segment, tag);
  finish(segment, 16, source, target, 6);
  Bytes frame = ethernet(ends, 0x0800);
  append(frame, ipv4(source, target, 6, segment));
  return frame;
}

Bytes udp6_frame(const Ends& ends, const std::string& source_ip, const std::string& target_ip, const Udp& udp,
                 const Bytes& tag) {
  const Bytes source = bytes_of<Ipv6>(source_ip), target = bytes_of<Ipv6>(target_ip);
  Bytes segment = udp_segment(udp, tag);
  finish(segment, 6, source, target, 17);
  Bytes frame = ethernet(ends, 0x86dd);
  append(frame, 6U << 28U, 4);
  append(frame, segment.size(), 2);
  frame.push_back(17);
  frame.push_back(64);
  append(frame, source);
  append(frame, target);
  append(frame, segment);
  return frame;
}

Bytes arp_frame(const Ends& ends, const ArpFields& arp, const Bytes& tag) {
  Bytes frame = ethernet(ends, 0x0806);
  append(frame, 1, 2);
  append(frame, 0x0800, 2);
  frame.push_back(6);
  frame.push_back(4);
  append(frame, arp.operation, 2);
  append(frame, bytes_of<Mac>(arp.sender_mac));
  append(frame, bytes_of<Ipv4>(arp.sender_ip));
  append(frame, bytes_of<Mac>(arp.target_mac));
  append(frame, bytes_of<Ipv4>(arp.target_ip));
  append(frame, tag);
  return frame;
}

Bytes raw_frame(const Ends& ends, std::uint16_t ether_type, const Bytes& tag) {
  Bytes frame = ethernet(ends, ether_type);
  append(frame, tag);
  frame.resize(frame.size() + 40);
  return frame;
}

}  // namespace nwf::test
