// SPDX-License-Identifier: GPL-2.0-or-later
// What a host has to let in for guests to get an address and names, as libvirt's own rules for INPUT have it.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/model/network.h"

namespace nwf {

struct HostService {
  std::uint8_t protocol;  ///< IPPROTO_*
  std::uint16_t port;
  friend auto operator<=>(const HostService&, const HostService&) = default;
};

/// Over IPv4 or over IPv6: DNS, DHCP, and TFTP where the network has it; nothing in a family it has no address of.
std::vector<HostService> host_services(const Network& network, bool ipv6);

}  // namespace nwf
