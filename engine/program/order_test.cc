// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/model/rule_for_tests.h"

namespace nwf {
namespace {

using for_tests::with_priority;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A flattened tree written down rule by rule. A rule is known by its number in the text.
class Tree {
 public:
  Tree& add(const std::string& chain, int priority, Direction direction = Direction::InOut,
            Protocol protocol = Protocol::Mac) {
    return add_from(chain, default_chain_priority(chain_prefix(chain)), priority, direction, protocol);
  }
  Tree& add_from(const std::string& chain, int chain_priority, int priority, Direction direction = Direction::InOut,
                 Protocol protocol = Protocol::Mac) {
    Filter owner =
        for_tests::filter("f", {with_priority(for_tests::rule(Action::Drop, direction, protocol), priority)}, chain);
    owner.priority = chain_priority;
    const auto shared = std::make_shared<const Filter>(std::move(owner));
    rules_.push_back(
        {&std::get<FilterRule>(shared->entries[0]), shared, static_cast<int>(rules_.size()) + 1, chain_priority, {}});
    return *this;
  }
  const std::vector<FlatRule>& rules() const { return rules_; }

 private:
  std::vector<FlatRule> rules_;
};

std::vector<int> numbers(const std::vector<const FlatRule*>& rules) {
  std::vector<int> all;
  all.reserve(rules.size());
  for (const FlatRule* rule : rules) all.push_back(rule->number);
  return all;
}

// Rules as their numbers, jumps as `>chain`.
std::vector<std::string> root_of(const EthernetOrder& order) {
  std::vector<std::string> all;
  for (const RootEntry& entry : order.root)
    all.push_back(entry.rule != nullptr ? std::to_string(entry.rule->number) : ">" + entry.chain);
  return all;
}

TEST(InOrder, LowPrioritiesFirst) {
  const Tree tree = Tree().add("root", 500).add("root", -1000).add("root", 1000).add("root", 0);
  EXPECT_THAT(numbers(in_order(tree.rules())), ElementsAre(2, 4, 1, 3));
}

TEST(InOrder, EqualPrioritiesKeepTheOrderOfTheText) {
  Tree tree;
  for (int i = 0; i < 40; ++i) tree.add("root", i % 2 == 0 ? 500 : 499);
  std::vector<int> expected;
  for (int i = 2; i <= 40; i += 2) expected.push_back(i);
  for (int i = 1; i <= 40; i += 2) expected.push_back(i);
  EXPECT_EQ(numbers(in_order(tree.rules())), expected);
}

TEST(InOrder, RulesOfTheRootChainComeBeforeAllOthers) {
  const Tree tree = Tree().add("arp", -1000).add("root", 1000).add("ipv4", -900).add("root", 0);
  EXPECT_THAT(numbers(in_order(tree.rules())), ElementsAre(4, 2, 1, 3));
}

TEST(InOrder, InetRulesAreInTheSameList) {
  const Tree tree = Tree()
                        .add("root", 2, Direction::In, Protocol::Tcp)
                        .add("root", 1, Direction::In, Protocol::Mac)
                        .add("ipv4", 0, Direction::Out, Protocol::Udp)
                        .add("root", 3, Direction::Out, Protocol::AllIpv6);
  EXPECT_THAT(numbers(in_order(tree.rules())), ElementsAre(2, 1, 4, 3));
}

TEST(InOrder, NothingGivesNothing) { EXPECT_THAT(in_order({}), IsEmpty()); }

TEST(EthernetOrder, JumpsAndRootRulesAreOrderedTogether) {
  // ipv4 jumps at -700, arp at -500
  const Tree tree = Tree().add("root", -900).add("root", -600).add("root", 500).add("arp", 1).add("ipv4", 2);
  const EthernetOrder order = ethernet_order(tree.rules(), Direction::Out);
  EXPECT_THAT(root_of(order), ElementsAre("1", ">ipv4", "2", ">arp", "3"));
}

TEST(EthernetOrder, AJumpComesBeforeARootRuleOfEqualPriority) {
  const Tree tree = Tree().add("root", -700).add("ipv4", 500);
  EXPECT_THAT(root_of(ethernet_order(tree.rules(), Direction::Out)), ElementsAre(">ipv4", "1"));
}

TEST(EthernetOrder, ChainsJumpInTheOrderOfTheirDefaults) {
  Tree tree;
  for (const std::string chain : {"rarp", "arp", "ipv6", "ipv4", "vlan", "mac", "stp"}) tree.add(chain, 500);
  EXPECT_THAT(root_of(ethernet_order(tree.rules(), Direction::In)),
              ElementsAre(">stp", ">mac", ">vlan", ">ipv4", ">ipv6", ">arp", ">rarp"));
}

TEST(EthernetOrder, ChainsOfEqualPriorityGoByName) {
  const Tree tree = Tree().add("ipv4-web", 500).add("ipv4", 500).add("ipv4-dns", 500);
  EXPECT_THAT(root_of(ethernet_order(tree.rules(), Direction::In)), ElementsAre(">ipv4", ">ipv4-dns", ">ipv4-web"));
}

TEST(EthernetOrder, AFiltersOwnPriorityMovesItsChain) {
  const Tree tree = Tree().add("ipv4", 500).add_from("arp", -701, 500);
  EXPECT_THAT(root_of(ethernet_order(tree.rules(), Direction::In)), ElementsAre(">arp", ">ipv4"));
}

TEST(EthernetOrder, AChainHasThePriorityOfTheFilterItsLastRuleIsFrom) {
  const Tree after = Tree().add_from("arp", -900, 1).add_from("arp", 700, 2).add("root", 0);
  EXPECT_THAT(root_of(ethernet_order(after.rules(), Direction::In)), ElementsAre("3", ">arp"));
  // last in the chain, which is not last in the text
  const Tree before = Tree().add_from("arp", -900, 2).add_from("arp", 700, 1).add("root", 0);
  EXPECT_THAT(root_of(ethernet_order(before.rules(), Direction::In)), ElementsAre(">arp", "3"));
}

TEST(EthernetOrder, AChainIsJumpedToOnceWhoeverWritesIntoIt) {
  const Tree tree = Tree().add("arp", 3).add("ipv4", 1).add("arp", 2);
  const EthernetOrder order = ethernet_order(tree.rules(), Direction::Out);
  EXPECT_THAT(root_of(order), ElementsAre(">ipv4", ">arp"));
  ASSERT_EQ(order.chains.size(), 2U);
  EXPECT_THAT(numbers(order.chains.at("arp")), ElementsAre(3, 1));
  EXPECT_THAT(numbers(order.chains.at("ipv4")), ElementsAre(2));
}

TEST(EthernetOrder, ADirectionHasItsOwnRulesAndThoseOfBoth) {
  const Tree tree = Tree()
                        .add("root", 1, Direction::In)
                        .add("root", 2, Direction::Out)
                        .add("root", 3, Direction::InOut)
                        .add("arp", 4, Direction::In)
                        .add("ipv4", 5, Direction::Out);
  const EthernetOrder in = ethernet_order(tree.rules(), Direction::In);
  EXPECT_THAT(root_of(in), ElementsAre(">arp", "1", "3"));
  EXPECT_FALSE(in.chains.contains("ipv4"));
  const EthernetOrder out = ethernet_order(tree.rules(), Direction::Out);
  EXPECT_THAT(root_of(out), ElementsAre(">ipv4", "2", "3"));
  EXPECT_FALSE(out.chains.contains("arp"));
}

TEST(EthernetOrder, InetRulesHaveNoPartInIt) {
  const Tree tree =
      Tree().add("root", 1, Direction::InOut, Protocol::Tcp).add("ipv4", 1, Direction::InOut, Protocol::All);
  const EthernetOrder order = ethernet_order(tree.rules(), Direction::Out);
  EXPECT_THAT(order.root, IsEmpty());
  EXPECT_THAT(order.chains, IsEmpty());
}

TEST(EthernetOrder, ARuleWithoutProtocolIsAnEthernetRule) {
  const Tree tree = Tree().add("root", 1, Direction::InOut, Protocol::None);
  EXPECT_THAT(root_of(ethernet_order(tree.rules(), Direction::Out)), ElementsAre("1"));
}

}  // namespace
}  // namespace nwf
