// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/cooperation.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "xml/network.h"

namespace nwf::host {
namespace {

using netlink::ForeignChain;
using netlink::ForeignChange;
using netlink::ForeignRule;
using netlink::ForeignTable;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint8_t kIp = 2;

ForeignChain chain(const std::string& name, const std::vector<std::string>& shapes) {
  ForeignChain made;
  made.name = name;
  for (const std::string& shape : shapes) {
    ForeignRule rule;
    rule.handle = made.rules.size() + 1;
    rule.shape = shape;
    if (const auto at = shape.find("jump "); at != std::string::npos) rule.target = shape.substr(at + 5);
    made.rules.push_back(std::move(rule));
  }
  return made;
}

Network network(const std::string& more) {
  auto read = xml::read_network(fmt::format("<network xmlns:nwf='{}'><name>lab</name>{}<bridge name='virbr0'/>"
                                            "<ip address='192.168.122.1' prefix='24'/></network>",
                                            kNwfNamespace, more),
                                "lab.xml");
  return std::move(read->value);
}

Network cooperating() { return network("<forward mode='nat'/><nwf:cooperate/>"); }

/// In few words, with handles as numbers.
std::vector<std::string> words(const std::vector<ForeignChange>& changes) {
  std::vector<std::string> out;
  for (const ForeignChange& change : changes) {
    const std::string handle = change.handle ? fmt::format(" {}", *change.handle) : "";
    switch (change.kind) {
      case ForeignChange::Kind::MakeChain:
        out.push_back("make " + change.chain);
        break;
      case ForeignChange::Kind::AddRule:
        out.push_back(fmt::format("{}{}: {}", change.chain, handle, change.rule.shape));
        break;
      case ForeignChange::Kind::DeleteRule:
        out.push_back(fmt::format("{}: delete{}", change.chain, handle));
        break;
      case ForeignChange::Kind::EmptyChain:
        out.push_back("empty " + change.chain);
        break;
      case ForeignChange::Kind::DeleteChain:
        out.push_back("delete " + change.chain);
        break;
    }
  }
  return out;
}

/// The table after these changes.
ForeignTable after(ForeignTable table, const std::vector<ForeignChange>& changes) {
  const auto find = [&](const std::string& name) {
    return std::find_if(table.chains.begin(), table.chains.end(), [&](const auto& c) { return c.name == name; });
  };
  std::uint64_t handle = 100;
  for (const ForeignChange& change : changes) {
    if (change.kind == ForeignChange::Kind::MakeChain) table.chains.push_back(chain(change.chain, {}));
    auto at = find(change.chain);
    auto& rules = at->rules;
    const auto place =
        std::find_if(rules.begin(), rules.end(), [&](const auto& r) { return r.handle == change.handle; });
    if (change.kind == ForeignChange::Kind::EmptyChain) rules.clear();
    if (change.kind == ForeignChange::Kind::DeleteRule) rules.erase(place);
    if (change.kind == ForeignChange::Kind::AddRule) rules.insert(place, change.rule)->handle = ++handle;
    if (change.kind == ForeignChange::Kind::DeleteChain) table.chains.erase(at);
  }
  return table;
}

TEST(Cooperation, AddsToDockersChainBeforeItsEnd) {
  const ForeignTable docker{kIp, "filter", {chain("FORWARD", {"jump DOCKER-USER"}), chain("DOCKER-USER", {"return"})}};
  const auto changes = plan_cooperation(docker, {cooperating()});
  EXPECT_THAT(words(changes), ElementsAre("make NWF-FORWARD", "NWF-FORWARD: iifname virbr0 accept",
                                          "NWF-FORWARD: oifname virbr0 accept", "DOCKER-USER 1: jump NWF-FORWARD"));
  const ForeignTable made = after(docker, changes);
  EXPECT_THAT(words(plan_cooperation(made, {cooperating()})), IsEmpty());
  EXPECT_THAT(words(plan_cooperation(made, {})),
              ElementsAre("DOCKER-USER: delete 103", "empty NWF-FORWARD", "delete NWF-FORWARD"));
}

TEST(Cooperation, WhereNobodyElseHasChainsNothingIsMade) {
  EXPECT_THAT(words(plan_cooperation({kIp, "filter", {chain("FORWARD", {"drop"})}}, {cooperating()})), IsEmpty());
}

TEST(Cooperation, NetworksThatDoNotAskForItGetNothing) {
  EXPECT_THAT(words(plan_cooperation({kIp, "filter", {chain("DOCKER-USER", {})}}, {network("<forward mode='nat'/>")})),
              IsEmpty());
}

TEST(Cooperation, DockersOwnBridgesAreLeftToIt) {
  const ForeignTable docker{
      kIp,
      "filter",
      {chain("DOCKER-USER", {"iifname eth0 drop"}), chain("DOCKER", {"iifname cmp oifname docker0 drop"})}};
  EXPECT_THAT(words(plan_cooperation(docker, {cooperating()})),
              ElementsAre("make NWF-FORWARD", "NWF-FORWARD: oifname docker0 return",
                          "NWF-FORWARD: iifname docker0 return", "NWF-FORWARD: iifname virbr0 accept",
                          "NWF-FORWARD: oifname virbr0 accept", "DOCKER-USER: jump NWF-FORWARD"));
}

TEST(Cooperation, UfwAlsoLetsDhcpAndDnsIn) {
  const ForeignTable ufw{kIp, "filter", {chain("ufw-user-forward", {}), chain("ufw-user-input", {"match tcp drop"})}};
  const auto changes = words(plan_cooperation(ufw, {cooperating()}));
  ASSERT_EQ(changes.size(), 9U);
  EXPECT_EQ(changes.front(), "make NWF-FORWARD");
  EXPECT_EQ(changes[4], "make NWF-INPUT");
  EXPECT_EQ(changes.back(), "ufw-user-input: jump NWF-INPUT");
}

TEST(Cooperation, AnIsolatedNetworkIsOpenedToItselfOnly) {
  const ForeignTable docker{kIp, "filter", {chain("DOCKER-USER", {})}};
  EXPECT_THAT(words(plan_cooperation(docker, {network("<nwf:cooperate/>")})),
              ElementsAre("make NWF-FORWARD", "NWF-FORWARD: iifname virbr0 oifname virbr0 accept",
                          "DOCKER-USER: jump NWF-FORWARD"));
}

TEST(Cooperation, WhatIsReachedNoMoreComesBefore) {
  ForeignTable docker{kIp, "filter", {chain("DOCKER-USER", {})}};
  docker = after(docker, plan_cooperation(docker, {cooperating()}));
  auto& rules = docker.chains.front().rules;
  rules.insert(rules.begin(), chain("", {"return"}).rules.front());
  EXPECT_THAT(words(plan_cooperation(docker, {cooperating()})),
              ElementsAre("DOCKER-USER: delete 103", "DOCKER-USER 1: jump NWF-FORWARD"));
}

TEST(Cooperation, RulesThatCameLaterGoBefore) {
  ForeignTable ufw{kIp, "filter", {chain("ufw-user-forward", {})}};
  ufw = after(ufw, plan_cooperation(ufw, {cooperating()}));
  ufw.chains.front().rules.push_back(chain("", {"oifname eth0 drop"}).rules.front());
  EXPECT_THAT(words(plan_cooperation(ufw, {cooperating()})),
              ElementsAre("ufw-user-forward: delete 103", "ufw-user-forward: jump NWF-FORWARD"));
}

TEST(Cooperation, AChainThatSomebodyElseLeadsToIsLeftEmpty) {
  ForeignTable docker{kIp, "filter", {chain("DOCKER-USER", {}), chain("FORWARD", {"jump NWF-FORWARD"})}};
  docker = after(docker, plan_cooperation(docker, {cooperating()}));
  EXPECT_THAT(words(plan_cooperation(docker, {})), ElementsAre("DOCKER-USER: delete 103", "empty NWF-FORWARD"));
}

}  // namespace
}  // namespace nwf::host
