// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as a DHCP or DHCPv6 message, and as the packet around one: what it says is within what there is, and what
// is believed of it is a host's address.
#include "learn/dhcp.h"

#include <algorithm>
#include <variant>

#include "learn/belief.h"
#include "learn/dhcpv6.h"
#include "learn/packet.h"
#include "tests/fuzz/must.h"

namespace {

using namespace nwf;

void check(const learn::Address& address, std::uint8_t prefix, std::uint32_t seconds) {
  learn::Beliefs beliefs;
  learn::believe(beliefs, learn::event::Leased{address, prefix, seconds, "", ""}, Learning::Dhcp, 0);
  for (const learn::Belief& belief : beliefs)
    fuzz::must(std::visit([](const auto& one) { return learn::is_unicast(one); }, belief.address), "a host's address",
               learn::address_text(belief.address));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const learn::View bytes(data + 1, size - 1);
  const auto inside = [&](learn::View part) {
    fuzz::must(
        part.empty() || (part.data() >= bytes.data() && part.data() + part.size() <= bytes.data() + bytes.size()),
        "a payload is part of its packet", "");
  };
  learn::View payload = bytes;
  if (data[0] == 4) {
    const auto datagram = learn::udp_over_ipv4(bytes);
    if (!datagram) return 0;
    payload = datagram->payload;
  }
  if (data[0] == 6) {
    const auto datagram = learn::udp_over_ipv6(bytes);
    if (!datagram) return 0;
    payload = datagram->payload;
  }
  inside(payload);
  if (const auto message = learn::parse_dhcp(payload)) {
    fuzz::must(payload.size() >= 240, "no message is shorter than its fixed part", "");
    check(message->yiaddr, 32, message->lease_seconds.value_or(1));
  }
  if (const auto message = learn::parse_dhcpv6(payload)) {
    fuzz::must(message->leases.size() <= learn::kMaxLeases, "not too many leases", "");
    for (const auto& lease : message->leases) {
      fuzz::must(lease.prefix <= 128, "a prefix of 128 bits", "");
      check(lease.address, lease.prefix, lease.valid_seconds);
    }
  }
  return 0;
}
