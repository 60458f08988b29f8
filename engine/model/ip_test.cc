// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/ip.h"

#include <gtest/gtest.h>

namespace nwf {
namespace {

Subnet net(const std::string& address, unsigned prefix) { return Subnet::of(*IpAddress::parse(address), prefix); }

TEST(Ip, ASubnetIsItsAddressWithoutTheHostsPart) {
  EXPECT_EQ(net("192.168.122.77", 24).text(), "192.168.122.0/24");
  EXPECT_EQ(net("192.168.122.77", 27).text(), "192.168.122.64/27");
  EXPECT_EQ(net("192.168.122.77", 0).text(), "0.0.0.0/0");
  EXPECT_EQ(net("192.168.122.77", 32).text(), "192.168.122.77/32");
  EXPECT_EQ(net("2001:db8:1:2:3::1", 62).text(), "2001:db8:1::/62");
}

TEST(Ip, ItsEndsAndMask) {
  EXPECT_EQ(net("10.1.2.3", 20).last().text(), "10.1.15.255");
  EXPECT_EQ(net("10.1.2.3", 20).netmask().text(), "255.255.240.0");
  EXPECT_EQ(net("2001:db8::1", 64).last().text(), "2001:db8::ffff:ffff:ffff:ffff");
}

TEST(Ip, OverlapIsOneInTheOther) {
  EXPECT_TRUE(net("10.0.0.0", 8).overlaps(net("10.1.0.0", 16)));
  EXPECT_TRUE(net("10.1.0.0", 16).overlaps(net("10.0.0.0", 8)));
  EXPECT_FALSE(net("10.1.0.0", 16).overlaps(net("10.2.0.0", 16)));
  EXPECT_FALSE(net("::", 0).overlaps(net("0.0.0.0", 0)));
}

TEST(Ip, TheNextOneCarries) {
  EXPECT_EQ(IpAddress::parse("10.0.0.255")->next().text(), "10.0.1.0");
  EXPECT_EQ(IpAddress::parse("255.255.255.255")->next().text(), "0.0.0.0");
}

}  // namespace
}  // namespace nwf
