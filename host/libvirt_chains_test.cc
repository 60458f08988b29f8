// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/libvirt_chains.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/import_record.h"

namespace nwf::host {
namespace {

using netlink::ForeignChain;
using netlink::ForeignPiece;
using netlink::ForeignRule;
using netlink::ForeignTable;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

ForeignChain chain(const std::string& name, const std::vector<std::string>& shapes) {
  ForeignChain made;
  made.name = name;
  made.base = name == "FORWARD" || name == "INPUT" || name.ends_with("ROUTING");
  for (const std::string& shape : shapes) {
    ForeignRule rule;
    rule.handle = made.rules.size() + 1;
    rule.shape = shape;
    for (const char* lead : {"jump ", "goto "})
      if (const auto at = shape.find(lead); at != std::string::npos) rule.target = shape.substr(at + 5);
    rule.message = {1, 2, static_cast<std::uint8_t>(made.rules.size())};
    made.rules.push_back(std::move(rule));
  }
  return made;
}

ForeignTable bridge() {
  return {7,
          "nat",
          {chain("PREROUTING", {"iifname vnet0 jump libvirt-I-vnet0", "iifname lan0 jump ADMIN",
                                "iifname vnet1 jump libvirt-I-vnet1"}),
           chain("POSTROUTING", {"oifname vnet0 jump libvirt-O-vnet0"}),
           chain("libvirt-I-vnet0", {"jump I-vnet0-mac", "payload cmp jump I-vnet0-arp", "drop"}),
           chain("I-vnet0-mac", {"payload cmp return", "drop"}), chain("I-vnet0-arp", {"accept"}),
           chain("libvirt-O-vnet0", {"accept"}), chain("libvirt-I-vnet1", {"jump I-vnet1-mac"}),
           chain("I-vnet1-mac", {"drop"}), chain("ADMIN", {"drop"}), chain("I-vnet0-mine", {"drop"})}};
}

ForeignTable filter() {
  return {
      2,
      "filter",
      {chain("FORWARD", {"jump libvirt-in", "jump libvirt-out", "jump libvirt-in-post", "payload cmp jump MINE"}),
       chain("INPUT", {"jump libvirt-host-in"}), chain("libvirt-in", {"physdev-in vnet0 goto FI-vnet0"}),
       chain("libvirt-out", {"physdev-out vnet0 physdev-is-bridged goto FO-vnet0"}),
       chain("libvirt-in-post", {"physdev-in vnet0 accept"}),
       chain("libvirt-host-in", {"physdev-in vnet0 goto HI-vnet0"}), chain("FI-vnet0", {"match tcp return", "drop"}),
       chain("FO-vnet0", {"accept"}), chain("HI-vnet0", {"return"}), chain("MINE", {"drop"})}};
}

ForeignChain& in(ForeignTable& table, const std::string& name) {
  for (ForeignChain& each : table.chains)
    if (each.name == name) return each;
  ADD_FAILURE() << name;
  return table.chains.front();
}

std::vector<std::string> whole(const LibvirtChains& found) {
  std::vector<std::string> names;
  for (const ForeignPiece& piece : found.pieces)
    if (piece.whole) names.push_back(piece.chain.name);
  return names;
}
/// `CHAIN@PLACE: RULE` of chains that stay.
std::vector<std::string> single(const LibvirtChains& found) {
  std::vector<std::string> rules;
  for (const ForeignPiece& piece : found.pieces)
    for (std::size_t i = 0; !piece.whole && i < piece.places.size(); ++i)
      rules.push_back(fmt::format("{}@{}: {}", piece.chain.name, piece.places[i], piece.chain.rules[i].shape));
  return rules;
}

TEST(LibvirtChains, OfOnePortInTheBridge) {
  const auto found = find_libvirt_chains({bridge()}, {"vnet0"});
  EXPECT_THAT(whole(found), UnorderedElementsAre("libvirt-I-vnet0", "I-vnet0-mac", "I-vnet0-arp", "libvirt-O-vnet0"))
      << "not another port's, not an administrator's, not one of a like name that libvirt does not lead to";
  EXPECT_THAT(single(found), ElementsAre("PREROUTING@0: iifname vnet0 jump libvirt-I-vnet0",
                                         "POSTROUTING@0: oifname vnet0 jump libvirt-O-vnet0"));
  EXPECT_THAT(found.kept, IsEmpty());
}

TEST(LibvirtChains, OfTheLastPortInTheFilterTables) {
  const auto found = find_libvirt_chains({filter()}, {"vnet0"});
  EXPECT_THAT(whole(found), UnorderedElementsAre("libvirt-in", "libvirt-out", "libvirt-in-post", "libvirt-host-in",
                                                 "FI-vnet0", "FO-vnet0", "HI-vnet0"));
  EXPECT_THAT(single(found), ElementsAre("FORWARD@0: jump libvirt-in", "FORWARD@1: jump libvirt-out",
                                         "FORWARD@2: jump libvirt-in-post", "INPUT@0: jump libvirt-host-in"));
  ASSERT_EQ(found.warnings.size(), 1U);
  EXPECT_THAT(found.warnings[0], HasSubstr("other rules of chain FORWARD in ip filter see packets"));
}

TEST(LibvirtChains, SharedChainsStayForOtherPorts) {
  ForeignTable table = filter();
  in(table, "libvirt-in").rules.push_back(chain("", {"physdev-in vnet7 goto FI-vnet7"}).rules[0]);
  const auto found = find_libvirt_chains({table}, {"vnet0"});
  EXPECT_THAT(whole(found), Not(Contains(std::string("libvirt-in"))));
  EXPECT_THAT(single(found), Contains(std::string("libvirt-in@0: physdev-in vnet0 goto FI-vnet0")));
  EXPECT_THAT(single(found), Not(Contains(std::string("FORWARD@0: jump libvirt-in"))));
  EXPECT_THAT(found.kept, ElementsAre(HasSubstr("chain libvirt-in in ip filter stays")));
}

TEST(LibvirtChains, OnlyByLibvirtsOwnRule) {
  ForeignTable table = bridge();
  // The same chain, but reached by a rule that libvirt does not write.
  in(table, "PREROUTING").rules[0].shape = "iifname vnet0 payload cmp jump libvirt-I-vnet0";
  EXPECT_THAT(whole(find_libvirt_chains({table}, {"vnet0"})), ElementsAre("libvirt-O-vnet0"));
}

TEST(LibvirtChains, AChainSomebodyElseLeadsToStaysWithAllItLeadsTo) {
  ForeignTable table = bridge();
  in(table, "ADMIN").rules.push_back(chain("", {"jump libvirt-I-vnet0"}).rules[0]);
  const auto found = find_libvirt_chains({table}, {"vnet0"});
  EXPECT_THAT(whole(found), ElementsAre("libvirt-O-vnet0"));
  EXPECT_THAT(single(found), ElementsAre("POSTROUTING@0: oifname vnet0 jump libvirt-O-vnet0"));
  EXPECT_THAT(found.kept,
              Contains(HasSubstr("chain libvirt-I-vnet0 in bridge nat stays: chain ADMIN in bridge nat leads to it")));
}

TEST(LibvirtChains, AChainNothingLeadsToStaysAndIsTold) {
  ForeignTable table = bridge();
  table.chains.push_back(chain("libvirt-J-vnet0", {"jump J-vnet0-mac", "drop"}));
  table.chains.push_back(chain("J-vnet0-mac", {"drop"}));
  const auto found = find_libvirt_chains({table}, {"vnet0"});
  EXPECT_EQ(found.chains(), 4U);
  EXPECT_THAT(found.kept, ElementsAre("chain libvirt-J-vnet0 in bridge nat stays: nothing leads to it"));
}

TEST(LibvirtChains, AForwardThatDropsKeepsThem) {
  ForeignTable table = filter();
  in(table, "FORWARD").drops = true;
  auto found = find_libvirt_chains({table}, {"vnet0"});
  EXPECT_THAT(found.pieces, IsEmpty());
  EXPECT_THAT(found.kept, ElementsAre(HasSubstr("the policy of FORWARD is drop")));
  in(table, "FORWARD").rules.push_back(chain("", {"physdev-is-bridged accept"}).rules[0]);
  EXPECT_EQ(find_libvirt_chains({table}, {"vnet0"}).chains(), 7U) << "bridged packets are accepted there";
}

TEST(LibvirtChains, ARuleWithASetIsNotLibvirts) {
  ForeignTable table = bridge();
  in(table, "I-vnet0-arp").rules[0].uses_set = true;
  const auto found = find_libvirt_chains({table}, {"vnet0"});
  EXPECT_THAT(whole(found), Not(Contains(std::string("I-vnet0-arp"))));
}

TEST(ImportRecord, IsReadBackAsItWasWritten) {
  ImportRecord record;
  record.filters["web"] = {std::nullopt, "<filter name='web'/>"};
  record.bindings["vnet0"] = {"<before/>", "<after/>"};
  record.place = "here";
  record.chains = find_libvirt_chains({bridge(), filter()}, {"vnet0"}).pieces;
  const std::string text = to_text(record);
  const auto read = import_record_from_text(text, "f");
  ASSERT_TRUE(read);
  EXPECT_EQ(to_text(*read), text);
  EXPECT_EQ(read->chains[0].chain.rules[0].message, record.chains[0].chain.rules[0].message);
  for (const char* spoilt : {"", "{}", "[1]", R"({"version":2})"})
    EXPECT_THAT(import_record_from_text(spoilt, "/f.json").error().message,
                HasSubstr("/f.json is not what an import wrote"));
}

TEST(ImportRecord, ALaterRemovalAddsToAnEarlierOne) {
  auto all = find_libvirt_chains({bridge()}, {"vnet0"}).pieces;
  ForeignTable later = bridge();
  in(later, "PREROUTING").rules.erase(in(later, "PREROUTING").rules.begin());
  add_chains(all, find_libvirt_chains({later}, {"vnet1"}).pieces);
  LibvirtChains both{all, {}, {}};
  EXPECT_THAT(single(both), ElementsAre("PREROUTING@0: iifname vnet0 jump libvirt-I-vnet0",
                                        "PREROUTING@2: iifname vnet1 jump libvirt-I-vnet1",
                                        "POSTROUTING@0: oifname vnet0 jump libvirt-O-vnet0"));
  EXPECT_EQ(both.chains(), 6U);
}

}  // namespace
}  // namespace nwf::host
