// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/print/nft_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/model/address.h"

namespace nwf::print {
namespace {

using ::testing::ElementsAre;

Element port(const std::string& name, const Bytes& rest = {}) {
  Bytes key(PortName::kSize + rest.size());
  std::copy(name.begin(), name.end(), key.begin());
  std::copy(rest.begin(), rest.end(), key.begin() + PortName::kSize);
  return Element{std::move(key), std::nullopt};
}

TEST(NftChanges, AreCommands) {
  Set values;
  values.name = "v.MAC.ether";
  values.key = {{KeyType::IfName, 16}, {KeyType::EtherAddr, 6}};
  Set numbers = values;
  numbers.name = "v.A.number16";
  numbers.key[1] = {KeyType::Integer, 2};
  Set map;
  map.name = "port.eth-out";
  map.key = {{KeyType::IfName, 16}};
  map.verdict_map = true;
  Element entry = port("vnet0");
  entry.verdict = Verdict{VerdictCode::Goto, "web.eth-out"};
  Rule rule{{expr::Immediate{{VerdictCode::Drop, {}}}}, "web rule 1 line 2"};
  const Changes changes = {
      {Family::Bridge, change::AddTable{}},
      {Family::Bridge, change::AddSet{values}},
      {Family::Bridge, change::AddSet{numbers}},
      {Family::Bridge, change::AddSet{map}},
      {Family::Bridge, change::AddChain{{"guest-out.ethernet", BaseHook{Hook::Prerouting, -300}, {}, {}}}},
      {Family::Bridge, change::AddChain{{"web.eth-out", std::nullopt, {}, {}}}},
      {Family::Bridge, change::FlushChain{"web.eth-out"}},
      {Family::Bridge, change::AddRule{"web.eth-out", rule}},
      {Family::Bridge,
       change::AddElements{
           values, {port("vnet0", {0x52, 0x54, 0, 0, 0, 1, 0, 0}), port("vnet1", {0x52, 0x54, 0, 0, 0, 2, 0, 0})}}},
      {Family::Bridge, change::AddElements{map, {entry}}},
      {Family::Bridge, change::DeleteElements{map, {entry}}},
      {Family::Bridge, change::DeleteChain{"web.eth-out"}},
      {Family::Bridge, change::DeleteSet{"v.MAC.ether"}},
      {Family::Inet, change::DeleteTable{}},
  };
  EXPECT_THAT(
      nft(changes),
      ElementsAre(
          "add table bridge nwf", "add set bridge nwf v.MAC.ether { type ifname . ether_addr; }",
          "add set bridge nwf v.A.number16 { typeof iifname . @nh,0,16; }",
          "add map bridge nwf port.eth-out { type ifname : verdict; }",
          "add chain bridge nwf guest-out.ethernet { type filter hook prerouting priority -300; policy accept; }",
          "add chain bridge nwf web.eth-out", "flush chain bridge nwf web.eth-out",
          "add rule bridge nwf web.eth-out drop comment \"web rule 1 line 2\"",
          "add element bridge nwf v.MAC.ether { \"vnet0\" . 52:54:00:00:00:01, \"vnet1\" . 52:54:00:00:00:02 }",
          "add element bridge nwf port.eth-out { \"vnet0\" : goto web.eth-out }",
          "delete element bridge nwf port.eth-out { \"vnet0\" }", "delete chain bridge nwf web.eth-out",
          "delete set bridge nwf v.MAC.ether", "delete table inet nwf"));
}

}  // namespace
}  // namespace nwf::print
