// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/suggest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nwf::xml {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Words = std::vector<std::string_view>;

TEST(Nearest, IsTheWordThatWasMisspelt) {
  const Words protocols = {"mac", "vlan", "stp", "arp", "rarp", "ip", "ipv6", "tcp", "udp", "icmp", "tcp-ipv6"};
  const Words attributes = {"srcportstart", "srcportend", "dstportstart", "dstportend", "srcipaddr", "dstipaddr"};
  struct Case {
    std::string word;
    Words candidates;
    std::string nearest;
  };
  const std::vector<Case> cases = {
      {"tpc", protocols, "tcp"},    // swapped
      {"tccp", protocols, "tcp"},   // added
      {"vln", protocols, "vlan"},   // dropped
      {"icnp", protocols, "icmp"},  // changed
      {"tcp_ipv6", protocols, "tcp-ipv6"},
      {"raarp", protocols, "rarp"},  // and not arp, which is farther
      {"dstportstrat", attributes, "dstportstart"},
      {"srcprtstart", attributes, "srcportstart"},
      {"dstPortStart", attributes, "dstportstart"},  // two letters in the other case
      {"dst-port-start", attributes, "dstportstart"},
      {"dstport_end", attributes, "dstportend"},
      {"srcipaddress", attributes, "srcipaddr"},  // a long word may be farther off
      {"tcp", protocols, "tcp"},                  // the word itself
      {"statematch", {"action", "match"}, ""},
      {"completely-different", attributes, ""},
      {"dstportstart", {"in", "out"}, ""},
      {"tcp", {}, ""},  // nothing to choose from
      {"srcportstart", {std::string_view()}, ""},
      {std::string(41, 'a'), {"aaaaaaaa", "bbbb"}, ""},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.word.substr(0, 40));
    EXPECT_EQ(nearest(given.word, given.candidates), given.nearest);
  }
}

TEST(Nearest, PrefersTheNearerToTheEarlier) {
  EXPECT_EQ(nearest("udplit", {"udp", "sctp", "udplite"}), "udplite");
  EXPECT_EQ(nearest("udp-ipv", {"tcp-ipv6", "sctp-ipv6", "udp-ipv6"}), "udp-ipv6");
}

TEST(Nearest, DoesNotDependOnTheOrderOfTheCandidatesWhenOneIsNearest) {
  EXPECT_EQ(nearest("acept", {"accept", "drop", "reject"}), "accept");
  EXPECT_EQ(nearest("acept", {"reject", "drop", "accept"}), "accept");
}

TEST(DidYouMean, AsksWhenOneIsNear) { EXPECT_EQ(did_you_mean("acept", {"accept", "drop"}), "did you mean 'accept'?"); }

TEST(DidYouMean, ListsAllInTheirOrderWhenNoneIsNear) {
  const std::string text = did_you_mean("something else", {"name", "chain", "priority"});
  EXPECT_THAT(text, HasSubstr("name, chain, priority"));
  EXPECT_THAT(text, Not(HasSubstr("did you mean")));
}

}  // namespace
}  // namespace nwf::xml
