// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/proxied.h"

#include <algorithm>

namespace nwf {
namespace {

/// Not the host's own, and none that stands for all.
bool is_guests(const Network& network, const IpAddress& address) {
  return std::any_of(network.ips.begin(), network.ips.end(),
                     [&](const NetworkIp& ip) {
                       const Subnet subnet = ip.subnet();
                       return subnet.contains(address) && address != subnet.address &&
                              (address.is_ipv6() || address != subnet.last());
                     }) &&
         std::none_of(network.ips.begin(), network.ips.end(),
                      [&](const NetworkIp& ip) { return ip.address == address; });
}

}  // namespace

std::vector<IpAddress> proxied_addresses(const Network& network, const std::vector<Lease>& leases, std::uint64_t now) {
  std::vector<IpAddress> addresses;
  if (network.proxy_arp.empty()) return addresses;
  for (const Lease& lease : leases)
    if ((lease.expires == 0 || lease.expires > now) && is_guests(network, lease.ip)) addresses.push_back(lease.ip);
  for (const NetworkIp& ip : network.ips)
    for (const DhcpHost& host : ip.hosts)
      if (host.ip && is_guests(network, *host.ip)) addresses.push_back(*host.ip);
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

}  // namespace nwf
