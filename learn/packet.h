// SPDX-License-Identifier: GPL-2.0-or-later
// What stands in a packet whole: a UDP datagram, an ICMPv6 message. What is split, cut short, or hidden behind
// extension headers is none: nothing is learned from it.
//
// Formats: RFC 791, RFC 768, RFC 8200, RFC 4443. A packet begins with its IP header. Checksums are not looked at: on
// their way between a guest and its host they are often still to be filled in.
#pragma once

#include <optional>

#include "engine/model/address.h"
#include "learn/reader.h"

namespace nwf::learn {

/// linux/if_ether.h
inline constexpr std::uint16_t kEtherIpv4 = 0x0800, kEtherArp = 0x0806, kEtherIpv6 = 0x86dd;

template <class Address>
struct Datagram {
  Address source;
  Address target;
  std::uint16_t source_port = 0;
  std::uint16_t target_port = 0;
  View payload;
};

std::optional<Datagram<Ipv4>> udp_over_ipv4(View packet);
std::optional<Datagram<Ipv6>> udp_over_ipv6(View packet);

struct Icmpv6 {
  Ipv6 source;
  Ipv6 target;
  std::uint8_t hop_limit = 0;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  View body;  ///< behind type, code and checksum
};

std::optional<Icmpv6> icmpv6(View packet);

/// One host's own address. RFC 1122 3.2.1.3: network 0 and 127 are nobody's, 224 and above no single host's.
bool is_unicast(const Ipv4& address);
/// RFC 4291 2.4: neither unspecified, nor loopback, nor multicast; nor an IPv4 address in disguise.
bool is_unicast(const Ipv6& address);
/// fe80::/10
bool is_link_local(const Ipv6& address);

}  // namespace nwf::learn
