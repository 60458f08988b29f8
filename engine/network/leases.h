// SPDX-License-Identifier: GPL-2.0-or-later
// dnsmasq's file of leases → who has which address. Host names in it come from guests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/address.h"
#include "engine/model/ip.h"

namespace nwf {

struct Lease {
  std::uint64_t expires = 0;  ///< seconds since 1970; 0: never
  std::optional<Mac> mac;     ///< IPv4 only
  IpAddress ip;
  unsigned prefix = 0;    ///< of the network it is in
  std::string host_name;  ///< empty when the guest gave none
  std::string client_id;  ///< or DUID; empty when it gave none
};

/// Lines that are none are left out: the file is another program's.
std::vector<Lease> parse_leases(std::string_view text);

}  // namespace nwf
