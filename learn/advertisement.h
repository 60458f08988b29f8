// SPDX-License-Identifier: GPL-2.0-or-later
// Router advertisements: the prefixes in which hosts form addresses of their own. RFC 4861 4.2 and 6.1.2, RFC 4862 5.5.
#pragma once

#include <optional>
#include <vector>

#include "engine/model/address.h"
#include "learn/reader.h"

namespace nwf::learn {

struct Advertisement {
  struct Prefix {
    Ipv6 address;  ///< the bits behind `length` are zero
    std::uint8_t length = 0;
    std::uint32_t valid_seconds = 0;  ///< kForever (dhcp.h) has no end
    friend bool operator==(const Prefix&, const Prefix&) = default;
  };
  Ipv6 router;
  std::vector<Prefix> prefixes;  ///< those for autonomous configuration, at most kMaxPrefixes
  friend bool operator==(const Advertisement&, const Advertisement&) = default;
};
inline constexpr std::size_t kMaxPrefixes = 8;

/// `packet` begins with its IPv6 header. Nothing unless it is a valid router advertisement, from the link it is seen on
/// (hop limit 255, a link-local source), with options that all fit.
std::optional<Advertisement> parse_advertisement(View packet);

bool is_in(const Ipv6& address, const Ipv6& prefix, std::uint8_t length);

}  // namespace nwf::learn
