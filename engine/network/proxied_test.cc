// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/proxied.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nwf {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

Network lan() {
  Network network;
  network.proxy_arp = "eth0";
  NetworkIp own;
  own.address = ip("203.0.113.5");
  own.prefix = 24;
  DhcpHost host;
  host.ip = ip("203.0.113.60");
  own.hosts.push_back(host);
  network.ips.push_back(own);
  return network;
}

Lease lease(const char* address, std::uint64_t expires) {
  Lease made;
  made.ip = ip(address);
  made.expires = expires;
  return made;
}

std::vector<std::string> texts(const std::vector<IpAddress>& addresses) {
  std::vector<std::string> out;
  for (const IpAddress& address : addresses) out.push_back(address.text());
  return out;
}

TEST(Proxied, LeasesInForceAndReservationsOnce) {
  EXPECT_THAT(texts(proxied_addresses(lan(),
                                      {lease("203.0.113.50", 200), lease("203.0.113.51", 100), lease("203.0.113.52", 0),
                                       lease("203.0.113.60", 200)},
                                      100)),
              ElementsAre("203.0.113.50", "203.0.113.52", "203.0.113.60"));
}

TEST(Proxied, NothingThatIsNoGuestsAddress) {
  EXPECT_THAT(texts(proxied_addresses(lan(),
                                      {lease("203.0.113.5", 0), lease("203.0.113.0", 0), lease("203.0.113.255", 0),
                                       lease("198.51.100.1", 0), lease("2001:db8::1", 0)},
                                      100)),
              ElementsAre("203.0.113.60"));
}

TEST(Proxied, NothingWhereItIsNotAskedFor) {
  Network network = lan();
  network.proxy_arp.clear();
  EXPECT_THAT(texts(proxied_addresses(network, {lease("203.0.113.50", 0)}, 100)), IsEmpty());
}

}  // namespace
}  // namespace nwf
