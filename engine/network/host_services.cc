// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/host_services.h"

namespace nwf {
namespace {

constexpr std::uint8_t kTcp = 6, kUdp = 17;

}  // namespace

std::vector<HostService> host_services(const Network& network, bool ipv6) {
  if (!(ipv6 ? network.has_ipv6() : network.has_ipv4())) return {};
  std::vector<HostService> services{{kUdp, 53}, {kTcp, 53}, {kUdp, static_cast<std::uint16_t>(ipv6 ? 547 : 67)}};
  if (ipv6) return services;
  for (const NetworkIp& ip : network.ips)
    if (!ip.tftp_root.empty()) {
      services.push_back({kUdp, 69});
      break;
    }
  return services;
}

}  // namespace nwf
