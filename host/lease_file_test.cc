// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/lease_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace nwf::host {
namespace {

const Clocks kNow{1'000'000, 1'700'000'000'000, "boot"};

std::string one_lease(const std::string& boot, const std::string& ends) {
  return fmt::format(
      R"({{"version":1,"mac":"52:54:00:00:00:01","boot":"{}","beliefs":[{{"address":"192.0.2.1","prefix":32,)"
      R"("source":"dhcp","server":"","client":"","since":[1,2],"seen":[1,2],"ends":{}}}]}})",
      boot, ends);
}

TEST(LeaseFile, WithinABootTheClockNobodySetsDecides) {
  const auto read = leases_from_text(one_lease("boot", "[1000500,5]"), kNow);
  ASSERT_TRUE(read && read->beliefs.size() == 1);
  EXPECT_EQ(read->beliefs[0].ends, 1'000'500);
}

TEST(LeaseFile, AfterAnotherBootTheCalendarDecides) {
  const auto read = leases_from_text(one_lease("another", "[5,1700000000250]"), kNow);
  ASSERT_TRUE(read && read->beliefs.size() == 1);
  EXPECT_EQ(read->beliefs[0].ends, 1'000'250);
}

TEST(LeaseFile, ATimeThatIsNoIntegerIsNotOurs) {
  for (const char* ends : {"[5.5e38,5]", "[5,5.5e38]", "[1.5,2]", "[\"1\",2]", "[1]", "7"})
    EXPECT_FALSE(leases_from_text(one_lease("boot", ends), kNow)) << ends;
}

TEST(LeaseFile, ATimeFartherThanAnyIsCutAndWrittenTheSameAgain) {
  for (const char* ends : {"[9223372036854775807,1]", "[-9223372036854775808,1]", "[18446744073709551615,1]"}) {
    const auto read = leases_from_text(one_lease("boot", ends), kNow);
    ASSERT_TRUE(read) << ends;
    const std::string written = to_text(*read, kNow);
    const auto again = leases_from_text(written, kNow);
    ASSERT_TRUE(again) << written;
    EXPECT_EQ(to_text(*again, kNow), written);
  }
}

}  // namespace
}  // namespace nwf::host
