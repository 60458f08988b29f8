// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/leases.h"

#include <gtest/gtest.h>

namespace nwf {
namespace {

TEST(Leases, AreReadSortedByAddress) {
  const auto leases = parse_leases(
      "1764061200 52:54:00:00:00:02 192.168.122.9 web 01:52:54:00:00:00:02\n"
      "0 52:54:00:00:00:01 192.168.122.3 * *\n"
      "duid 00:01:00:01:2f\n"
      "1764061201 7340033 2001:db8::5 six 00:03:00:01:52:54\n");
  ASSERT_EQ(leases.size(), 3U);
  EXPECT_EQ(leases[0].ip.text(), "192.168.122.3");
  EXPECT_EQ(leases[0].expires, 0U);
  EXPECT_EQ(leases[0].host_name, "");
  EXPECT_EQ(leases[0].client_id, "");
  EXPECT_EQ(leases[1].host_name, "web");
  EXPECT_EQ(leases[1].mac->text(), "52:54:00:00:00:02");
  EXPECT_EQ(leases[2].ip.text(), "2001:db8::5");
  EXPECT_FALSE(leases[2].mac.has_value());
  EXPECT_EQ(leases[2].client_id, "00:03:00:01:52:54");
}

TEST(Leases, LinesThatAreNoneAreLeftOut) {
  EXPECT_TRUE(parse_leases("").empty());
  EXPECT_TRUE(parse_leases("\n\nx y z\n-1 a 192.0.2.1 b c\n12 52:54:00:00:00:01 192.0.2.300 b c").empty());
}

}  // namespace
}  // namespace nwf
