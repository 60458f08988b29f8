// SPDX-License-Identifier: GPL-2.0-or-later
// What one frame from a guest says of the guest's own addresses.
//
// Formats: RFC 826 (ARP), RFC 5227 (ARP probes), RFC 791, RFC 8200, RFC 4861 and RFC 4862 (neighbour discovery,
// duplicate address detection).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "engine/model/address.h"
#include "learn/reader.h"

namespace nwf::learn {

/// An address that the frame's sender uses, or is about to.
struct Sighting {
  enum class How : std::uint8_t { Arp, Ip, Neighbour };
  std::variant<Ipv4, Ipv6> address;
  How how;
  friend bool operator==(const Sighting&, const Sighting&) = default;
};

/// `packet` is what the frame from `sender` carries, of the type `ether_type`. ARP gives its sender's address, IPv4 and
/// IPv6 their source, neighbour advertisements and duplicate address detection the target. Nothing for what is no
/// unicast address (0.0.0.0 of a probe, ::, loopback, multicast, broadcast), for an ARP packet that speaks for another
/// MAC than the frame's, for fragments, and for any packet that is cut short.
std::optional<Sighting> sighting(const Mac& sender, std::uint16_t ether_type, View packet);

}  // namespace nwf::learn
