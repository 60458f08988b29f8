// SPDX-License-Identifier: GPL-2.0-or-later
#include "learn/dhcp.h"

#include <gtest/gtest.h>

#include <vector>

namespace nwf::learn {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes message(std::uint8_t op, const Bytes& options) {
  Bytes out{op, 1, 6, 0, 0, 0, 0, 9};
  out.resize(16);
  for (const std::uint8_t byte : Bytes{192, 0, 2, 7}) out.push_back(byte);
  out.resize(28);
  for (const std::uint8_t byte : Bytes{0x52, 0x54, 0, 0, 0, 1}) out.push_back(byte);
  out.resize(236);
  for (const std::uint8_t byte : Bytes{0x63, 0x82, 0x53, 0x63}) out.push_back(byte);
  out.insert(out.end(), options.begin(), options.end());
  return out;
}

constexpr std::uint8_t kReply = 2, kAsk = 1;
const Bytes kAck{53, 1, 5, 51, 4, 0, 0, 2, 88, 54, 4, 192, 0, 2, 254, 255};

TEST(Dhcp, AnAckSaysWhoGetsWhatForHowLong) {
  const auto read = parse_dhcp(message(kReply, kAck));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->kind, DhcpMessage::Kind::Ack);
  EXPECT_EQ(read->transaction, 9U);
  EXPECT_EQ(read->client.text(), "52:54:00:00:00:01");
  EXPECT_EQ(read->yiaddr.text(), "192.0.2.7");
  EXPECT_EQ(read->lease_seconds, 600U);
  EXPECT_EQ(read->server->text(), "192.0.2.254");
}

TEST(Dhcp, AMessageCutShortAnywhereSaysNothing) {
  const Bytes whole = message(kReply, kAck);
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_dhcp(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)))) << size;
}

TEST(Dhcp, MalformedOptionsSayNothing) {
  const std::vector<std::pair<const char*, Bytes>> cases = {
      {"no kind", {51, 4, 0, 0, 2, 88, 255}},
      {"a lease of three bytes", {53, 1, 5, 51, 3, 0, 2, 88, 255}},
      {"a lease of five bytes", {53, 1, 5, 51, 5, 0, 0, 0, 2, 88, 255}},
      {"two kinds", {53, 1, 5, 53, 1, 5, 255}},
      {"a kind without a value", {53, 0, 255}},
      {"an option longer than the rest", {53, 1, 5, 12, 200, 1, 255}},
      {"no end", {53, 1, 5, 51, 4, 0, 0, 2, 88}},
      {"a kind that is none", {53, 1, 9, 255}},
      {"an empty client identifier", {53, 1, 5, 61, 0, 255}},
  };
  for (const auto& [name, options] : cases) EXPECT_FALSE(parse_dhcp(message(kReply, options))) << name;
}

TEST(Dhcp, AKindThatGoesTheOtherWaySaysNothing) {
  EXPECT_FALSE(parse_dhcp(message(kAsk, kAck)));
  EXPECT_FALSE(parse_dhcp(message(kReply, {53, 1, 3, 255})));
  EXPECT_TRUE(parse_dhcp(message(kAsk, {53, 1, 3, 255})));
}

}  // namespace
}  // namespace nwf::learn
