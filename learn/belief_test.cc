// SPDX-License-Identifier: GPL-2.0-or-later
#include "learn/belief.h"

#include <gtest/gtest.h>

#include "learn/dhcp.h"

namespace nwf::learn {
namespace {

const Ipv4 kOne = *Ipv4::parse("192.0.2.1"), kTwo = *Ipv4::parse("192.0.2.2");
const Ipv6 kLocal = *Ipv6::parse("fe80::1"), kGlobal = *Ipv6::parse("2001:db8::1"),
           kOther = *Ipv6::parse("2001:db8::2");

event::Leased lease(const Address& address, std::uint32_t seconds, std::string client = "") {
  return {address, static_cast<std::uint8_t>(std::holds_alternative<Ipv4>(address) ? 32 : 128), seconds, "server",
          std::move(client)};
}

TEST(Belief, AnyBelievesTheFirstAddressOfEachKind) {
  Beliefs beliefs;
  EXPECT_TRUE(believe(beliefs, event::Sighted{kOne, Source::Arp}, Learning::Any, 0));
  EXPECT_FALSE(believe(beliefs, event::Sighted{kTwo, Source::Arp}, Learning::Any, 0));
  EXPECT_TRUE(believe(beliefs, event::Sighted{kLocal, Source::Nd}, Learning::Any, 0));
  EXPECT_TRUE(believe(beliefs, event::Sighted{kGlobal, Source::Nd}, Learning::Any, 0));
  EXPECT_FALSE(believe(beliefs, event::Sighted{kOther, Source::Nd}, Learning::Any, 0));
  EXPECT_EQ(values_of(beliefs), (Variables{{"IP", {"192.0.2.1"}}, {"IPV6", {"2001:db8::1", "fe80::1"}}}));
  EXPECT_EQ(next_end(beliefs), std::nullopt);
}

TEST(Belief, DhcpBelievesNoSighting) {
  Beliefs beliefs;
  EXPECT_FALSE(believe(beliefs, event::Sighted{kOne, Source::Arp}, Learning::Dhcp, 0));
  EXPECT_FALSE(believe(beliefs, event::Sighted{kGlobal, Source::Nd}, Learning::Dhcp, 0));
  EXPECT_TRUE(beliefs.empty());
}

TEST(Belief, ALeaseIsRenewedAndEnds) {
  Beliefs beliefs;
  EXPECT_TRUE(believe(beliefs, lease(kOne, 10), Learning::Dhcp, 1000));
  EXPECT_EQ(next_end(beliefs), 11'000);
  EXPECT_TRUE(believe(beliefs, lease(kOne, 10), Learning::Dhcp, 5000));
  EXPECT_EQ(next_end(beliefs), 15'000);
  EXPECT_FALSE(believe(beliefs, event::Elapsed{}, Learning::Dhcp, 14'999));
  EXPECT_TRUE(believe(beliefs, event::Elapsed{}, Learning::Dhcp, 15'000));
  EXPECT_TRUE(beliefs.empty());
}

TEST(Belief, ALeaseForEverHasNoEnd) {
  Beliefs beliefs;
  EXPECT_TRUE(believe(beliefs, lease(kOne, kForever), Learning::Dhcp, 0));
  EXPECT_EQ(next_end(beliefs), std::nullopt);
}

TEST(Belief, AClientsNewAddressTakesThePlaceOfItsOldOne) {
  Beliefs beliefs;
  believe(beliefs, lease(kOne, 10, "a"), Learning::Dhcp, 0);
  believe(beliefs, lease(kTwo, 10, "a"), Learning::Dhcp, 0);
  EXPECT_EQ(values_of(beliefs), (Variables{{"IP", {"192.0.2.2"}}}));
  believe(beliefs, lease(kOne, 10, "b"), Learning::Dhcp, 0);
  EXPECT_EQ(values_of(beliefs), (Variables{{"IP", {"192.0.2.1", "192.0.2.2"}}}));
  EXPECT_TRUE(believe(beliefs, event::Denied{"a"}, Learning::Dhcp, 0));
  EXPECT_EQ(values_of(beliefs), (Variables{{"IP", {"192.0.2.1"}}}));
}

TEST(Belief, WhatIsNoHostsAddressIsNotBelieved) {
  Beliefs beliefs;
  for (const char* text : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"})
    EXPECT_FALSE(believe(beliefs, lease(*Ipv4::parse(text), 10), Learning::Dhcp, 0)) << text;
  for (const char* text : {"::", "::1", "ff02::1", "::ffff:192.0.2.1"})
    EXPECT_FALSE(believe(beliefs, lease(*Ipv6::parse(text), 10), Learning::Dhcp, 0)) << text;
}

TEST(Belief, ThereIsNoRoomWithoutEnd) {
  Beliefs beliefs;
  for (int i = 1; i < 100; ++i)
    believe(beliefs, lease(Ipv4{{10, 0, 0, static_cast<std::uint8_t>(i)}}, 10, std::to_string(i)), Learning::Dhcp, 0);
  EXPECT_EQ(beliefs.size(), kMaxBeliefs);
}

TEST(Belief, AnAddressThatTheGuestFormedLivesAsLongAsItsPrefix) {
  Beliefs beliefs;
  constexpr std::uint32_t kDay = 86'400;
  EXPECT_TRUE(believe(beliefs, event::Formed{kLocal, std::nullopt, ""}, Learning::Dhcp, 0));
  EXPECT_FALSE(believe(beliefs, event::Formed{*Ipv6::parse("fe80::2"), std::nullopt, ""}, Learning::Dhcp, 0));
  EXPECT_TRUE(believe(beliefs, event::Formed{kGlobal, kDay, "fe80::fe"}, Learning::Dhcp, 0));
  EXPECT_EQ(next_end(beliefs), Instant{kDay} * 1000);
  const Ipv6 prefix = *Ipv6::parse("2001:db8::");
  EXPECT_TRUE(believe(beliefs, event::Advertised{prefix, 64, 0}, Learning::Dhcp, 0)) << "two hours at least";
  EXPECT_EQ(next_end(beliefs), Instant{7200} * 1000);
  EXPECT_FALSE(believe(beliefs, event::Advertised{*Ipv6::parse("2001:db8:1::"), 64, kDay}, Learning::Dhcp, 0));
}

TEST(Belief, WhatAnAdministratorGaveStays) {
  Beliefs beliefs;
  believe(beliefs, lease(kOne, 10), Learning::Dhcp, 0);
  EXPECT_TRUE(believe(beliefs, event::Given{{kTwo}}, Learning::Dhcp, 0));
  EXPECT_EQ(values_of(beliefs), (Variables{{"IP", {"192.0.2.2"}}}));
  EXPECT_FALSE(believe(beliefs, event::Elapsed{}, Learning::Dhcp, 100'000));
  EXPECT_TRUE(believe(beliefs, event::Forgotten{std::nullopt}, Learning::Dhcp, 0));
  EXPECT_TRUE(beliefs.empty());
}

}  // namespace
}  // namespace nwf::learn
