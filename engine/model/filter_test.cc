// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/filter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/model/rule_for_tests.h"

namespace nwf {
namespace {

using for_tests::rule;

TEST(Chain, NameIsAProtocolAndWhatTheUserAdds) {
  struct Case {
    std::string chain;
    std::string prefix;
  };
  const std::vector<Case> cases = {
      {"root", "root"}, {"mac", "mac"},    {"stp", "stp"},           {"vlan", "vlan"},     {"arp", "arp"},
      {"rarp", "rarp"}, {"ipv4", "ipv4"},  {"ipv6", "ipv6"},         {"ipv4-web", "ipv4"}, {"arp-a_b.c:d", "arp"},
      {"macX", "mac"},  {"rarp9", "rarp"}, {"ipv4-8901234", "ipv4"},  // 12 characters
  };
  for (const Case& given : cases) EXPECT_EQ(chain_prefix(given.chain), given.prefix) << given.chain;
}

TEST(Chain, OtherNamesAreNotAllowed) {
  for (const std::string chain : {"", "ipv", "ip", "ip4", "tcp", "Root", "IPV4", "root-a", "rootx", "-arp", "x-arp",
                                  "ipv4-89012345", "arp a", "arp/a", "arp\n", "arp+", "arp-\xc3\xbc"})
    EXPECT_EQ(chain_prefix(chain), "") << "'" << chain << "'";
}

TEST(Chain, DefaultPriorities) {
  struct Case {
    std::string chain;
    int priority;
  };
  const std::vector<Case> cases = {{"root", 0},    {"stp", -810}, {"mac", -800},  {"vlan", -750},     {"ipv4", -700},
                                   {"ipv6", -600}, {"arp", -500}, {"rarp", -400}, {"ipv4-web", -700}, {"arp-x", -500}};
  for (const Case& given : cases) {
    SCOPED_TRACE(given.chain);
    EXPECT_EQ(default_chain_priority(chain_prefix(given.chain)), given.priority);
    Filter filter;
    filter.chain = given.chain;
    EXPECT_EQ(filter.chain_priority(), given.priority);
  }
}

TEST(Filter, PriorityAsWrittenBeatsTheChains) {
  Filter filter;
  filter.chain = "arp";
  for (const int priority : {kMinPriority, -1, 0, kMaxPriority}) {
    filter.priority = priority;
    EXPECT_EQ(filter.chain_priority(), priority);
  }
}

TEST(Filter, IsInTheRootChainUnlessItSaysOtherwise) {
  EXPECT_EQ(Filter{}.chain, "root");
  EXPECT_EQ(Filter{}.chain_priority(), 0);
}

TEST(FilterRule, DefaultsAreThoseOfTheLanguage) {
  const FilterRule given;
  EXPECT_EQ(given.priority, 500);
  EXPECT_TRUE(given.statematch);
  EXPECT_EQ(given.protocol, Protocol::None);
}

TEST(FilterRule, FindsItsAttributes) {
  const FilterRule given =
      rule(Action::Drop, Direction::Out, Protocol::Tcp, {{"dstportstart", "80"}, {"srcipaddr", "$IP"}});
  ASSERT_NE(given.find(Field::DstPortStart), nullptr);
  EXPECT_EQ(std::get<Literal>(given.find(Field::DstPortStart)->value).text, "80");
  ASSERT_NE(given.find(Field::SrcIp4), nullptr);
  EXPECT_EQ(std::get<VariableRef>(given.find(Field::SrcIp4)->value).name, "IP");
  EXPECT_EQ(given.find(Field::SrcIp6), nullptr) << "the same name, another field";
  EXPECT_EQ(given.find(Field::SrcPortStart), nullptr);
  EXPECT_EQ(FilterRule{}.find(Field::SrcMac), nullptr);
}

TEST(FilterRule, ActionsAndDirectionsHaveTheirNamesInXml) {
  EXPECT_EQ(action_name(Action::Accept), "accept");
  EXPECT_EQ(action_name(Action::Drop), "drop");
  EXPECT_EQ(action_name(Action::Reject), "reject");
  EXPECT_EQ(action_name(Action::Return), "return");
  EXPECT_EQ(action_name(Action::Continue), "continue");
  EXPECT_EQ(direction_name(Direction::In), "in");
  EXPECT_EQ(direction_name(Direction::Out), "out");
  EXPECT_EQ(direction_name(Direction::InOut), "inout");
}

}  // namespace
}  // namespace nwf
