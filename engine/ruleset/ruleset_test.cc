// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/ruleset.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace nwf {
namespace {

KeyPart part(KeyType type) { return {type, key_width(type)}; }

TEST(Ruleset, AKeyPartIsAsWideAsThePacketShowsIt) {
  const std::vector<std::pair<KeyType, std::size_t>> widths = {
      {KeyType::Ipv4Addr, 4}, {KeyType::Ipv6Addr, 16},  {KeyType::EtherAddr, 6}, {KeyType::EtherType, 2},
      {KeyType::ArpOp, 2},    {KeyType::InetProto, 1},  {KeyType::Dscp, 1},      {KeyType::InetService, 2},
      {KeyType::IcmpType, 1}, {KeyType::Icmpv6Type, 1}, {KeyType::IfName, 16},   {KeyType::Integer, 4},
  };
  for (const auto& [type, width] : widths) EXPECT_EQ(key_width(type), width) << static_cast<int>(type);
}

// nftables: include/datatype.h, enum datatypes. The kernel keeps them, and nft prints elements by them.
TEST(Ruleset, KeyTypesHaveNftsNumbers) {
  const std::vector<std::pair<KeyType, int>> numbers = {
      {KeyType::Integer, 4},    {KeyType::Ipv4Addr, 7}, {KeyType::Ipv6Addr, 8},    {KeyType::EtherAddr, 9},
      {KeyType::EtherType, 10}, {KeyType::ArpOp, 11},   {KeyType::InetProto, 12},  {KeyType::InetService, 13},
      {KeyType::IcmpType, 14},  {KeyType::Dscp, 23},    {KeyType::Icmpv6Type, 29}, {KeyType::IfName, 41},
  };
  for (const auto& [type, number] : numbers) EXPECT_EQ(static_cast<int>(type), number);
}

TEST(Ruleset, PartsOfAConcatenationStartAtWholeRegisters) {
  struct Case {
    std::string name;
    std::vector<KeyPart> key;
    std::size_t length;
  };
  const std::vector<Case> cases = {
      {"nothing", {}, 0},
      {"a lone name", {part(KeyType::IfName)}, 16},
      {"a lone address is not padded", {part(KeyType::EtherAddr)}, 6},
      {"a lone port is not padded", {part(KeyType::InetService)}, 2},
      {"an address of 6 bytes takes 8", {part(KeyType::IfName), part(KeyType::EtherAddr)}, 24},
      {"a whole number of words takes just that", {part(KeyType::IfName), part(KeyType::Ipv6Addr)}, 32},
      {"a byte takes 4", {part(KeyType::IfName), part(KeyType::InetProto)}, 20},
      {"each part for itself",
       {part(KeyType::IfName), part(KeyType::EtherAddr), part(KeyType::Ipv4Addr), part(KeyType::InetService)},
       32},
      {"a number as wide as its field", {part(KeyType::IfName), {KeyType::Integer, 1}, {KeyType::Integer, 6}}, 28},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.name);
    EXPECT_EQ(key_length(given.key), given.length);
  }
}

TEST(Ruleset, EqualityCountsEveryObject) {
  Ruleset one;
  one.tables.emplace(Family::Bridge, Table{Family::Bridge, {}, {}, {}});
  EXPECT_NE(one, Ruleset{}) << "an empty table is not no table";
  Ruleset two = one;
  EXPECT_EQ(one, two);
  two.tables.at(Family::Bridge).chains["c"].name = "c";
  EXPECT_NE(one, two);
  one = two;
  two.tables.at(Family::Bridge).chains["c"].rules.push_back({{expr::Counter{}}, ""});
  EXPECT_NE(one, two);
  one = two;
  two.tables.at(Family::Bridge).sets["s"].name = "s";
  EXPECT_NE(one, two);
  one = two;
  two.tables.at(Family::Bridge).elements["s"].insert({{1, 2}, std::nullopt});
  EXPECT_NE(one, two);
  one = two;
  two.tables.at(Family::Bridge).elements["s"] = {{{1, 2}, Verdict{VerdictCode::Drop, {}}}};
  EXPECT_NE(one, two);
}

}  // namespace
}  // namespace nwf
