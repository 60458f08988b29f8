// SPDX-License-Identifier: GPL-2.0-or-later
// Which frames the kernel hands over, as a program of the classic packet filter. It runs before a frame is copied.
#pragma once

#include <cstdint>
#include <vector>

namespace nwf::learn {

/// Interfaces by their numbers. What a frame is worth is judged again by who reads it: the filter may let more through.
struct Wanted {
  bool servers = false;  ///< DHCP, DHCPv6 and router advertisements that come in from any interface but a bridge, and
                         ///< those that the host itself sends on a bridge
  std::vector<unsigned> bridges;
  std::vector<unsigned> sightings;   ///< from these, every ARP, IPv4 and IPv6 frame: their first address is not known
  std::vector<unsigned> neighbours;  ///< from these, neighbour solicitations and advertisements
  std::vector<unsigned> muted;       ///< from and to these nothing: they sent too much
  friend bool operator==(const Wanted&, const Wanted&) = default;
  bool nothing() const { return !servers && sightings.empty() && neighbours.empty(); }
};

/// linux/filter.h: struct sock_filter
struct Instruction {
  std::uint16_t code;
  std::uint8_t if_true;
  std::uint8_t if_false;
  std::uint32_t operand;
};

/// Longest frame handed over: a DHCP message fits an Ethernet frame.
inline constexpr std::uint32_t kSnapLength = 1600;

/// The program for a socket whose frames begin with the network header (linux: packet(7), SOCK_DGRAM). Frames with a
/// VLAN tag never pass. At most 4096 instructions for any number of interfaces: where there are too many, gaps between
/// their numbers are filled.
std::vector<Instruction> capture_filter(const Wanted& wanted);

}  // namespace nwf::learn
