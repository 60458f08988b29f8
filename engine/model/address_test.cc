// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/address.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nwf {
namespace {

TEST(Mac, OneOrTwoDigitsAGroup) {
  const auto mac = Mac::parse("2:0a:FF:0:1:10");
  ASSERT_TRUE(mac);
  EXPECT_EQ(mac->bytes, (std::array<std::uint8_t, 6>{2, 10, 255, 0, 1, 16}));
  EXPECT_EQ(mac->text(), "02:0a:ff:00:01:10");
}

TEST(Mac, OtherTextsAreNone) {
  for (const std::string text : {"", ":", ":::::", "1:2:3:4:5", "1:2:3:4:5:6:7", "1:2:3:4:5:", ":1:2:3:4:5:6",
                                 "1:2:3:4:5:006", "1:2:3:4:5:g", "1-2-3-4-5-6", "1:2:3:4:5:6 ", " 1:2:3:4:5:6"})
    EXPECT_FALSE(Mac::parse(text)) << "'" << text << "'";
  EXPECT_FALSE(Mac::parse(std::string("1:2:3:4:5:6\0", 12)));
}

TEST(Mac, MulticastIsTheLowestBitOfTheFirstByte) {
  EXPECT_TRUE(Mac::parse("ff:ff:ff:ff:ff:ff")->is_multicast());
  EXPECT_TRUE(Mac::parse("01:00:5e:00:00:01")->is_multicast());
  EXPECT_FALSE(Mac::parse("52:54:00:00:00:01")->is_multicast());
  EXPECT_FALSE(Mac::parse("02:ff:ff:ff:ff:ff")->is_multicast());
}

TEST(Mac, OrdersAsOnTheWire) {
  EXPECT_LT(*Mac::parse("00:ff:00:00:00:00"), *Mac::parse("01:00:00:00:00:00"));
  EXPECT_EQ(*Mac::parse("0:0:0:0:0:A"), *Mac::parse("00:00:00:00:00:0a"));
}

TEST(Ipv4, FourNumbers) {
  const auto address = Ipv4::parse("192.0.2.255");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->bytes, (std::array<std::uint8_t, 4>{192, 0, 2, 255}));
  EXPECT_EQ(address->text(), "192.0.2.255");
}

TEST(Ipv4, OtherTextsAreNone) {
  for (const std::string text : {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1..2.3", "1.2.3.4 ", "0x7f.0.0.1", "::1"})
    EXPECT_FALSE(Ipv4::parse(text)) << "'" << text << "'";
}

TEST(Ipv6, TextIsThatOfRfc5952) {
  struct Case {
    std::string text;
    std::string canonical;
  };
  const std::vector<Case> cases = {
      {"2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
      {"0:0:0:0:0:0:0:0", "::"},
      {"0:0:0:0:0:0:0:1", "::1"},
      {"fe80:0:0:0:0:0:0:0", "fe80::"},
      // 4.2.2: one group is not shortened
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      // 4.2.3: the longest run, of equal ones the first
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      // 5: an embedded IPv4 address
      {"::ffff:c000:0201", "::ffff:192.0.2.1"},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.text);
    const auto address = Ipv6::parse(given.text);
    ASSERT_TRUE(address);
    EXPECT_EQ(address->text(), given.canonical);
    EXPECT_EQ(Ipv6::parse(address->text()), address);
  }
}

TEST(Ipv6, OtherTextsAreNone) {
  for (const std::string text :
       {"", ":", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1::", "12345::", "::g", "192.0.2.1", "fe80::1%eth0", "[::1]"})
    EXPECT_FALSE(Ipv6::parse(text)) << "'" << text << "'";
}

TEST(PortName, IsWhatTheKernelTakes) {
  for (const std::string text : {"a", "vnet0", "123456789012345", "tap.1-2_3", "...", "port\"<&>"})
    EXPECT_TRUE(PortName::parse(text)) << "'" << text << "'";
  for (const std::string text :
       {"", "1234567890123456", ".", "..", "a/b", "/", "a b", " ", "a\tb", "a\nb", "a\vb", "a\fb", "a\rb"})
    EXPECT_FALSE(PortName::parse(text)) << "'" << text << "'";
  EXPECT_FALSE(PortName::parse(std::string("a\0b", 3)));
}

TEST(PortName, IsKeyedPaddedWithZeros) {
  const auto name = PortName::parse("vnet0");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->text(), "vnet0");
  EXPECT_EQ(name->padded(), (std::array<std::uint8_t, 16>{'v', 'n', 'e', 't', '0'}));
  EXPECT_EQ(PortName::parse("123456789012345")->padded().back(), 0);
}

TEST(Uuid, DashesMayBeLeftOut) {
  const std::string canonical = "01234567-89ab-cdef-0123-456789abcdef";
  for (const std::string& text : {canonical, std::string("0123456789ABCDEF0123456789abcdef")}) {
    const auto uuid = Uuid::parse(text);
    ASSERT_TRUE(uuid) << text;
    EXPECT_EQ(uuid->text(), canonical);
    EXPECT_EQ(uuid->bytes[0], 0x01);
    EXPECT_EQ(uuid->bytes[15], 0xef);
  }
}

TEST(Uuid, OtherTextsAreNone) {
  for (const std::string text :
       {"", "-", "01234567-89ab-cdef-0123-456789abcde", "01234567-89ab-cdef-0123-456789abcdef0",
        "01234567-89ab-cdef-0123-456789abcdeg", "0-1234567-89ab-cdef-0123-456789abcdef",
        "{01234567-89ab-cdef-0123-456789abcdef}", "01234567-89ab-cdef-0123-456789abcdef "})
    EXPECT_FALSE(Uuid::parse(text)) << "'" << text << "'";
}

}  // namespace
}  // namespace nwf
