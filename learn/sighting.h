// SPDX-License-Identifier: GPL-2.0-or-later
// What one frame from a guest says of the guest's own addresses.
//
// Formats: IEEE 802.3 and 802.1Q, RFC 826 (ARP), RFC 5227 (ARP probes), RFC 791, RFC 8200, RFC 4861 and RFC 4862
// (neighbour discovery, duplicate address detection).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "engine/model/address.h"

namespace nwf::learn {

/// An address that the frame's sender uses, or is about to.
struct Sighting {
  Mac mac;  ///< the frame's source
  std::variant<Ipv4, Ipv6> address;
  friend bool operator==(const Sighting&, const Sighting&) = default;
};

/// `frame` begins with the Ethernet header, without a preamble or a check sequence; one 802.1Q tag is looked through.
/// ARP gives its sender's address, IPv4 and IPv6 their source, neighbour advertisements and duplicate address
/// detection the target. Nothing for what is no unicast address (0.0.0.0 of a probe, ::, loopback, multicast,
/// broadcast), for an ARP packet that speaks for another MAC than the frame's, and for any frame that is cut short.
std::optional<Sighting> sighting(std::span<const std::uint8_t> frame);

}  // namespace nwf::learn
