// SPDX-License-Identifier: GPL-2.0-or-later
// DHCP for IPv6: what a message between a client and a server says. RFC 8415.
#pragma once

#include <optional>
#include <vector>

#include "engine/model/address.h"
#include "learn/reader.h"

namespace nwf::learn {

inline constexpr std::uint16_t kDhcpv6ServerPort = 547, kDhcpv6ClientPort = 546;

struct Dhcpv6Message {
  enum class Kind : std::uint8_t {
    Solicit = 1,
    Advertise,
    Request,
    Confirm,
    Renew,
    Rebind,
    Reply,
    Release,
    Decline,
    Reconfigure,
    Information,
  };
  /// An address (prefix 128), or a prefix delegated to the client, with the valid lifetime; kForever has no end.
  struct Lease {
    Ipv6 address;
    std::uint8_t prefix = 128;
    std::uint32_t valid_seconds = 0;
    friend bool operator==(const Lease&, const Lease&) = default;
  };
  Kind kind;
  std::uint32_t transaction = 0;     ///< 24 bits
  std::vector<std::uint8_t> client;  ///< option 1, a DUID; empty when there is none
  std::vector<std::uint8_t> server;  ///< option 2
  std::vector<Lease> leases;         ///< of all associations that were not refused
  bool refused = false;              ///< a status other than success stands over all
  friend bool operator==(const Dhcpv6Message&, const Dhcpv6Message&) = default;
};

/// Most leases of one message; further ones are not read.
inline constexpr std::size_t kMaxLeases = 16;

/// The payload of a UDP datagram between the two ports. Nothing for messages of relays, which are not believed, and for
/// options that are cut short or too short for what they say they are.
std::optional<Dhcpv6Message> parse_dhcpv6(View payload);

}  // namespace nwf::learn
