// SPDX-License-Identifier: GPL-2.0-or-later
// A frame as nf_tables sees it: where its headers begin, and which transport protocol it carries.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "engine/ruleset/expression.h"

namespace nwf::simulate {

/// Offsets into the frame. net/netfilter/nf_tables_ipv4.h and nf_tables_ipv6.h say when the kernel knows a transport
/// protocol: only for a header that is whole and says of itself what is there.
struct Headers {
  bool tagged = false;                   ///< one 802.1Q tag, which the kernel keeps aside
  std::uint16_t ether_type = 0;          ///< behind the tag
  std::size_t network = 0;               ///< where the packet of that type begins
  bool ipv4 = false;                     ///< a whole IPv4 header
  bool ipv6 = false;                     ///< a whole IPv6 header
  std::optional<std::uint8_t> l4proto;   ///< behind IPv6 extension headers
  std::optional<std::size_t> transport;  ///< not for later fragments
};

/// Nothing for less than an Ethernet header.
std::optional<Headers> dissect(std::span<const std::uint8_t> frame);

}  // namespace nwf::simulate
