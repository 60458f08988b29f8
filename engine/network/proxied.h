// SPDX-License-Identifier: GPL-2.0-or-later
// For which addresses the host answers on the side of the LAN, in a network with <nwf:proxy-arp>.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/model/network.h"
#include "engine/network/leases.h"

namespace nwf {

/// Addresses that a guest has or may have: leases in force at `now` (seconds since 1970) and reservations, as far as
/// they are guests' addresses of this network. Sorted, each once; none for a network without <nwf:proxy-arp>.
std::vector<IpAddress> proxied_addresses(const Network& network, const std::vector<Lease>& leases, std::uint64_t now);

}  // namespace nwf
