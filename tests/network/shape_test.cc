// SPDX-License-Identifier: GPL-2.0-or-later
// What a network changes can be told from it and the few that shape the table: for networks of all kinds.
#include "engine/network/shape.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "engine/network/rules.h"
#include "engine/ruleset/diff.h"
#include "xml/network.h"

namespace nwf {
namespace {

/// Kinds that differ in what they need of the table.
const std::vector<std::pair<std::string, std::string>> kKinds{
    {"", ""},
    {"<forward mode='nat'/>", ""},
    {"<forward mode='nat' dev='eth0'/>", ""},
    {"<forward mode='nat'><nat><port start='2000' end='3000'/></nat></forward>", ""},
    {"<forward mode='nat'><nat><address start='192.0.2.1' end='192.0.2.9'/></nat></forward>", ""},
    {"<forward mode='nat'><nat ipv6='yes'/></forward>", ""},
    {"<forward mode='route'/>", ""},
    {"<forward mode='route' dev='eth0'/>", ""},
    {"<forward mode='open'/>", ""},
    {"<forward mode='nat'/>", "<nwf:port-forward proto='tcp' start='{0}' to='10.{0}.0.5' to-start='80'/>"},
    {"<forward mode='nat' dev='eth1'/>",
     "<nwf:port-forward proto='tcp' start='{0}' dev='eth0' to='10.{0}.0.5' to-start='80'/>"},
    {"<forward mode='nat'/>", "<nwf:host services='dhcp,dns'/>"},
    {"<forward mode='nat'/>", "<nwf:accept mark='0x10'/>"},
    {"", "<port isolated='yes'/>"},
};

Network network(std::size_t kind, unsigned number) {
  const auto& [forward, more] = kKinds[kind];
  const std::string text = fmt::format(
      "<network xmlns:nwf='https://nwf.dev/xmlns/network/1.0'><name>n{0}</name>{1}<bridge name='br{0}'/>"
      "<mac address='52:54:00:00:00:{0:02x}'/><ip address='10.{0}.0.1' prefix='24'/>"
      "<ip family='ipv6' address='fd00:{0:x}::1' prefix='64'/>{2}</network>",
      number, forward, fmt::format(fmt::runtime(more), number));
  auto read = xml::read_network(text, "test");
  EXPECT_TRUE(read) << text << '\n' << (read ? "" : describe(read.error()));
  return read ? std::move(read->value) : Network{};
}

std::vector<std::string> added(const std::vector<Network>& to, const Network& one) {
  std::vector<Network> more = to;
  more.push_back(one);
  auto words = describe(diff(network_rules(to), network_rules(more)), "t");
  std::sort(words.begin(), words.end());
  return words;
}

std::vector<Network> named(const std::vector<Network>& networks, const std::set<std::string>& names) {
  std::vector<Network> found;
  for (const Network& one : networks)
    if (names.contains(one.name)) found.push_back(one);
  return found;
}

TEST(Shape, OneOfAKindShapesForAll) {
  std::vector<Network> up;
  for (unsigned i = 1; i < 40; ++i) up.push_back(network(1, i));
  EXPECT_EQ(shape_of(up), std::set<std::string>{"n1"});
  EXPECT_FALSE(shapes(network(1, 50), {up.front()}));
  EXPECT_TRUE(shapes(network(9, 50), {up.front()}));
}

TEST(Shape, WhoNamesPeersShapes) {
  Network one = network(1, 1), other = network(1, 2);
  other.peers.push_back({"n1", true, true, false, {}});
  EXPECT_EQ(shape_of({one, other}), (std::set<std::string>{"n1", "n2"}));
}

TEST(Shape, WhatOneMoreBringsDependsOnThoseAlone) {
  std::mt19937 random(17);
  std::size_t alike = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<Network> up;
    const unsigned count = 1 + static_cast<unsigned>(random() % 12);
    for (unsigned i = 1; i <= count; ++i) {
      up.push_back(network(random() % kKinds.size(), i));
      if (i > 1 && random() % 6 == 0)
        up.back().peers.push_back(
            {fmt::format("n{}", 1 + random() % (i + 1)), random() % 2 == 0, true, random() % 2 == 0, {}});
    }
    const std::vector<Network> shaping = named(up, shape_of(up));
    EXPECT_EQ(without_elements(network_rules(shaping)), without_elements(network_rules(up)));
    const Network one = network(random() % kKinds.size(), count + 1);
    EXPECT_EQ(added(shaping, one), added(up, one)) << "round " << round;
    alike += shaping.size() < up.size() ? 1 : 0;
  }
  EXPECT_GT(alike, 50U);
}

}  // namespace
}  // namespace nwf
