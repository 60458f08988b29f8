// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as an IPv6 packet with a router advertisement or a neighbour's message.
#include "learn/advertisement.h"

#include "learn/packet.h"
#include "learn/sighting.h"
#include "tests/fuzz/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nwf;
  const learn::View packet(data, size);
  if (const auto found = learn::parse_advertisement(packet)) {
    fuzz::must(learn::is_link_local(found->router), "a router is on the link", found->router.text());
    fuzz::must(found->prefixes.size() <= learn::kMaxPrefixes, "not too many prefixes", "");
    for (const auto& prefix : found->prefixes) {
      fuzz::must(prefix.length > 0 && prefix.length <= 128, "a length within an address", prefix.address.text());
      fuzz::must(learn::is_in(prefix.address, prefix.address, prefix.length), "a prefix is in itself",
                 prefix.address.text());
    }
  }
  const Mac sender{{0x52, 0x54, 0, 0, 0, 1}};
  if (const auto seen = learn::sighting(sender, learn::kEtherIpv6, packet))
    fuzz::must(size >= 40, "what is seen has a header",
               learn::is_unicast(std::get<Ipv6>(seen->address)) ? "" : "group");
  return 0;
}
