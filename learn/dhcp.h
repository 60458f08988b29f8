// SPDX-License-Identifier: GPL-2.0-or-later
// DHCP for IPv4: what a message says. RFC 2131, options RFC 2132 and RFC 4361.
#pragma once

#include <optional>
#include <vector>

#include "engine/model/address.h"
#include "learn/reader.h"

namespace nwf::learn {

inline constexpr std::uint16_t kDhcpServerPort = 67, kDhcpClientPort = 68;

struct DhcpMessage {
  enum class Kind : std::uint8_t { Discover = 1, Offer, Request, Decline, Ack, Nak, Release, Inform };
  Kind kind;
  bool from_server = false;  ///< op is BOOTREPLY
  std::uint32_t transaction = 0;
  Mac client;                                  ///< chaddr
  Ipv4 ciaddr;                                 ///< the address that the client has
  Ipv4 yiaddr;                                 ///< the address that it gets
  std::optional<Ipv4> requested;               ///< option 50
  std::optional<Ipv4> server;                  ///< option 54
  std::optional<std::uint32_t> lease_seconds;  ///< option 51; kForever has no end
  std::vector<std::uint8_t> client_id;         ///< option 61; empty when there is none
  friend bool operator==(const DhcpMessage&, const DhcpMessage&) = default;
};

/// A lease without an end (RFC 2131 3.3), for DHCPv6 and router advertisements too (RFC 8415 7.7, RFC 4861 4.6.2).
inline constexpr std::uint32_t kForever = 0xffffffff;

/// The payload of a UDP datagram between the two ports. Nothing for what is not DHCP over Ethernet, for a kind that
/// goes the other way than op says, and for options that are cut short, have the wrong size, come twice, or do not end.
std::optional<DhcpMessage> parse_dhcp(View payload);

}  // namespace nwf::learn
