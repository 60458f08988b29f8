// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/legacy/port_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/legacy/text.h"
#include "engine/model/rule_for_tests.h"
#include "engine/program/compile.h"

namespace nwf::legacy {
namespace {

using for_tests::filter;
using for_tests::Filters;
using for_tests::negated;
using for_tests::rule;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const PortName kPort = *PortName::parse("vnet0");

Result<Tables> tables_of(std::vector<FilterEntry> entries, const Variables& variables = {}, bool classic = true,
                         const PortName& port = kPort) {
  const Filters filters{filter("web", std::move(entries), "root")};
  NWF_TRY(const Program program, compile(filters.at("web"), filters, variables));
  return port_tables(program, port, variables, {classic, true});
}

std::vector<std::string> lines(const Tables& tables, Family family, const std::string& chain) {
  std::vector<std::string> out;
  const auto& table = tables.ip.at({family, "filter"});
  if (const auto found = table.chains.find(chain); found != table.chains.end())
    for (const IpRule& one : found->second.rules) out.push_back(text(one, family == Family::Ip6));
  for (const auto& link : table.links)
    if (link.chain == chain) out.push_back(text(link.rule, family == Family::Ip6));
  return out;
}

std::vector<std::string> ethernet(const Tables& tables, const std::string& chain) {
  std::vector<std::string> out;
  if (const auto found = tables.ethernet.chains.find(chain); found != tables.ethernet.chains.end())
    for (const EthernetRule& one : found->second.rules) out.push_back(text(one));
  return out;
}

/// The chain FI of one rule out of the guest.
std::vector<std::string> out_of_guest(Protocol protocol, for_tests::Attributes of, Action action = Action::Drop) {
  const auto tables = tables_of({rule(action, Direction::Out, protocol, of)});
  EXPECT_TRUE(tables) << (tables ? "" : describe(tables.error()));
  if (!tables) return {};
  return lines(*tables, is_ipv6(protocol) ? Family::Ip6 : Family::Ip4, "FI-vnet0");
}

TEST(PortTables, StandInTheChainsThatLibvirtHas) {
  const auto tables = tables_of({rule(Action::Accept, Direction::In, Protocol::Tcp, {{"dstportstart", "22"}})});
  ASSERT_TRUE(tables);
  EXPECT_THAT(lines(*tables, Family::Ip4, "FORWARD"),
              ElementsAre("-j libvirt-in", "-j libvirt-out", "-j libvirt-in-post"));
  EXPECT_THAT(lines(*tables, Family::Ip4, "INPUT"), ElementsAre("-j libvirt-host-in"));
  EXPECT_THAT(lines(*tables, Family::Ip4, "libvirt-in"), ElementsAre("-m physdev --physdev-in vnet0 -g FI-vnet0"));
  EXPECT_THAT(lines(*tables, Family::Ip4, "libvirt-out"),
              ElementsAre("-m physdev --physdev-out vnet0 --physdev-is-bridged -g FO-vnet0"));
  EXPECT_THAT(lines(*tables, Family::Ip4, "libvirt-in-post"), ElementsAre("-m physdev --physdev-in vnet0 -j ACCEPT"));
  EXPECT_THAT(lines(*tables, Family::Ip4, "libvirt-host-in"), ElementsAre("-m physdev --physdev-in vnet0 -g HI-vnet0"));
  const std::string replies =
      "-p tcp -m tcp --sport 22 -m conntrack --ctstate ESTABLISHED -m conntrack --ctdir REPLY -j RETURN";
  EXPECT_THAT(lines(*tables, Family::Ip4, "FI-vnet0"), ElementsAre(replies));
  EXPECT_THAT(lines(*tables, Family::Ip4, "HI-vnet0"), ElementsAre(replies));
  EXPECT_THAT(
      lines(*tables, Family::Ip4, "FO-vnet0"),
      ElementsAre(
          "-p tcp -m tcp --dport 22 -m conntrack --ctstate NEW,ESTABLISHED -m conntrack --ctdir ORIGINAL -j ACCEPT"));
  EXPECT_FALSE(tables->ip.contains({Family::Ip6, "filter"}));
  EXPECT_TRUE(tables->ethernet.empty());
}

TEST(PortTables, HaveAMatchForEachAttributeOfTheInetLayer) {
  EXPECT_THAT(out_of_guest(Protocol::All, {{"srcmacaddr", "52:54:00:00:00:01"}, {"dscp", "33"}}),
              ElementsAre("-m mac --mac-source 52:54:00:00:00:01 -m dscp --dscp 0x21 -j DROP"));
  EXPECT_THAT(out_of_guest(Protocol::All, {{"srcipaddr", "10.1.2.3"}, {"srcipmask", "22"}, {"dstipaddr", "10.2.0.1"}}),
              ElementsAre("-s 10.1.0.0/22 -d 10.2.0.1/32 -j DROP"));
  EXPECT_THAT(
      out_of_guest(
          Protocol::Udp,
          {{"srcipfrom", "10.0.0.1"}, {"srcipto", "10.0.0.9"}, {"dstipfrom", "10.1.0.1"}, {"dstipto", "10.1.0.9"}}),
      ElementsAre("-p udp -m iprange --src-range 10.0.0.1-10.0.0.9 -m iprange --dst-range 10.1.0.1-10.1.0.9 -j DROP"));
  EXPECT_THAT(out_of_guest(Protocol::Tcp,
                           {{"srcportstart", "20"}, {"srcportend", "30"}, {"flags", "SYN,ACK/SYN"}, {"option", "3"}}),
              ElementsAre("-p tcp -m tcp --sport 20:30 --tcp-option 3 --tcp-flags SYN,ACK SYN -j DROP"));
  EXPECT_THAT(out_of_guest(Protocol::SctpIpv6, {{"dstportstart", "9"}}),
              ElementsAre("-p sctp -m sctp --dport 9 -j DROP"));
  EXPECT_THAT(out_of_guest(Protocol::Icmp, {{"type", "8"}, {"code", "0"}}),
              ElementsAre("-p icmp -m icmp --icmp-type 8/0 -j DROP"));
  EXPECT_THAT(out_of_guest(Protocol::Icmpv6, {{"type", "128"}}),
              ElementsAre("-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j DROP"));
  EXPECT_THAT(out_of_guest(Protocol::All, {{"connlimit-above", "2"}}),
              ElementsAre("-m connlimit --connlimit-above 2 --connlimit-mask 32 --connlimit-saddr -j DROP"));
  EXPECT_THAT(out_of_guest(Protocol::All, {{"ipset", "blocked"}, {"ipsetflags", "src,dst"}, {"comment", "a 'b'"}}),
              ElementsAre("-m set --match-set blocked src,dst -m comment --comment \"a \\'b\\'\" -j DROP"));
  EXPECT_THAT(out_of_guest(Protocol::All, {{"state", "NEW,RELATED"}}),
              ElementsAre("-m conntrack --ctstate NEW,RELATED -j DROP"));
  EXPECT_THAT(out_of_guest(Protocol::AhIpv6, {}), ElementsAre("-m ah -j DROP"));
  EXPECT_THAT(out_of_guest(Protocol::AllIpv6, {}, Action::Reject),
              ElementsAre("-j REJECT --reject-with icmp6-port-unreachable"));
}

TEST(PortTables, NegateTypeAndCodeOfIcmpTogether) {
  const auto tables =
      tables_of({negated(rule(Action::Drop, Direction::Out, Protocol::Icmp, {{"type", "8"}, {"code", "3"}}))});
  ASSERT_TRUE(tables);
  EXPECT_THAT(lines(*tables, Family::Ip4, "FI-vnet0"), ElementsAre("-p icmp -m icmp ! --icmp-type 8/3 -j DROP"));
}

TEST(PortTables, WriteARuleForEachValueOfAVariable) {
  const auto tables =
      tables_of({rule(Action::Drop, Direction::Out, Protocol::Tcp, {{"dstipaddr", "$A"}, {"dstportstart", "$P[@2]"}})},
                {{"A", {"10.0.0.1", "10.0.0.2"}}, {"P", {"80"}}});
  ASSERT_TRUE(tables);
  EXPECT_THAT(lines(*tables, Family::Ip4, "FI-vnet0"), ElementsAre("-d 10.0.0.1/32 -p tcp -m tcp --dport 80 -j DROP",
                                                                   "-d 10.0.0.2/32 -p tcp -m tcp --dport 80 -j DROP"));
}

TEST(PortTables, ShareWhatNamesNothingOfAPort) {
  const std::vector<FilterEntry> entries{rule(Action::Drop, Direction::Out, Protocol::Tcp, {{"dstportstart", "25"}}),
                                         rule(Action::Drop, Direction::Out, Protocol::Tcp, {{"dstportstart", "26"}}),
                                         rule(Action::Drop, Direction::Out, Protocol::All, {{"dstipaddr", "$A"}}),
                                         rule(Action::Accept, Direction::Out, Protocol::Udp, {}),
                                         rule(Action::Drop, Direction::Out, Protocol::All, {})};
  const auto one = tables_of(entries, {{"A", {"10.0.0.1"}}}, false);
  const auto two = tables_of(entries, {{"A", {"10.0.0.2"}}}, false, *PortName::parse("vnet1"));
  ASSERT_TRUE(one && two);
  const auto own = lines(*one, Family::Ip4, "FI-vnet0");
  ASSERT_THAT(own, SizeIs(3));
  EXPECT_THAT(own[0], HasSubstr("-j nwf-4-web-"));
  EXPECT_EQ(own[1], "-d 10.0.0.1/32 -j DROP");
  // What follows returns from the port's chain: it is gone to.
  EXPECT_THAT(own[2], HasSubstr("-g nwf-4-web-"));
  EXPECT_EQ(lines(*two, Family::Ip4, "FI-vnet1")[0], own[0]);
  EXPECT_EQ(lines(*two, Family::Ip4, "FI-vnet1")[2], own[2]);
  for (const auto& [name, chain] : one->ip.at({Family::Ip4, "filter"}).chains) EXPECT_LE(name.size(), kMaxIpChainName);
}

TEST(PortTables, StandInEbtablesAsLibvirtHasThem) {
  const Filters filters{filter("top",
                               {for_tests::reference("ip"),
                                negated(rule(Action::Drop, Direction::Out, Protocol::Mac, {{"srcmacaddr", "$MAC"}}))},
                               "root"),
                        filter("ip",
                               {rule(Action::Return, Direction::Out, Protocol::Ip, {{"srcipaddr", "$IP"}}),
                                rule(Action::Drop, Direction::InOut, Protocol::Ip, {})},
                               "ipv4")};
  const Variables variables{{"MAC", {"52:54:00:00:00:01"}}, {"IP", {"10.0.0.1"}}};
  const auto program = compile(filters.at("top"), filters, variables);
  ASSERT_TRUE(program);
  const auto tables = port_tables(*program, kPort, variables, {true, true});
  ASSERT_TRUE(tables);
  EXPECT_THAT(ethernet(*tables, "libvirt-I-vnet0"),
              ElementsAre("-p 0x0800 -j I-vnet0-ipv4", "-s ! 52:54:00:00:00:01 -j DROP"));
  EXPECT_THAT(ethernet(*tables, "I-vnet0-ipv4"),
              ElementsAre("-p 0x0800 --ip-src 10.0.0.1 -j RETURN", "-p 0x0800 -j DROP"));
  EXPECT_THAT(ethernet(*tables, "O-vnet0-ipv4"), ElementsAre("-p 0x0800 -j DROP"));
  ASSERT_THAT(tables->ethernet.links, SizeIs(2));
  EXPECT_EQ(tables->ethernet.links[0].chain, "PREROUTING");
  EXPECT_EQ(text(tables->ethernet.links[0].rule), "-i vnet0 -j libvirt-I-vnet0");
  EXPECT_EQ(text(tables->ethernet.links[1].rule), "-o vnet0 -j libvirt-O-vnet0");
}

TEST(PortTables, GiveChainsNamesThatNoOtherPortsCanHave) {
  const Filters filters{
      filter("top", {for_tests::reference("ip")}, "root"),
      filter("ip", {rule(Action::Drop, Direction::Out, Protocol::Ip, {{"srcipaddr", "$IP"}})}, "ipv4-ipv4")};
  const Variables variables{{"IP", {"10.0.0.1"}}};
  const auto program = compile(filters.at("top"), filters, variables);
  ASSERT_TRUE(program);
  const auto doubtful = port_tables(*program, *PortName::parse("a-ipv4"), variables, {true, true});
  ASSERT_TRUE(doubtful);
  EXPECT_FALSE(doubtful->ethernet.chains.contains("I-a-ipv4-ipv4-ipv4"));
  for (const auto& [name, chain] : doubtful->ethernet.chains) EXPECT_LE(name.size(), kMaxEthernetChainName);
}

TEST(PortTables, CloseAPortInWhatTheyHave) {
  const Tables tables = closed_port(kPort, {false, true});
  EXPECT_THAT(ethernet(tables, "libvirt-I-vnet0"), ElementsAre("-j DROP"));
  const Tables inet = closed_port(kPort, {false, false});
  EXPECT_THAT(lines(inet, Family::Ip4, "FI-vnet0"), ElementsAre("-j DROP"));
  EXPECT_THAT(lines(inet, Family::Ip6, "FO-vnet0"), ElementsAre("-j DROP"));
  EXPECT_THAT(inet.ethernet.chains, IsEmpty());
}

TEST(PortTables, BothInetLayersDropWhatEitherDrops) {
  const Filters filters{filter("old",
                               {rule(Action::Accept, Direction::In, Protocol::Tcp, {{"dstportstart", "22"}}),
                                rule(Action::Drop, Direction::InOut, Protocol::All, {})},
                               "root"),
                        filter("new",
                               {rule(Action::Drop, Direction::Out, Protocol::Udp, {{"dstportstart", "53"}}),
                                rule(Action::Drop, Direction::Out, Protocol::AllIpv6, {})},
                               "root")};
  const auto old_program = compile(filters.at("old"), filters, {}),
             new_program = compile(filters.at("new"), filters, {});
  ASSERT_TRUE(old_program && new_program);
  const auto from = port_tables(*old_program, kPort, {}, {false, true}),
             to = port_tables(*new_program, kPort, {}, {false, true});
  ASSERT_TRUE(from && to);
  Tables both;
  const auto made = both_inet_layers(*from, *to, *old_program, kPort, {});
  ASSERT_TRUE(made);
  both.ip = *made;
  EXPECT_THAT(lines(both, Family::Ip4, "FI-vnet0"),
              ElementsAre("-j nwf-was-FI-vnet0", "-p udp -m udp --dport 53 -j DROP"));
  EXPECT_THAT(
      lines(both, Family::Ip4, "nwf-was-FI-vnet0"),
      ElementsAre("-p tcp -m tcp --sport 22 -m conntrack --ctstate ESTABLISHED -m conntrack --ctdir REPLY -j RETURN",
                  "-j DROP"));
  // What the old program accepts goes on to the new one.
  EXPECT_THAT(
      lines(both, Family::Ip4, "nwf-was-FO-vnet0"),
      ElementsAre("-p tcp -m tcp --dport 22 -m conntrack --ctstate NEW,ESTABLISHED -m conntrack --ctdir ORIGINAL -j "
                  "RETURN",
                  "-j DROP"));
  EXPECT_THAT(lines(both, Family::Ip4, "libvirt-in"), ElementsAre("-m physdev --physdev-in vnet0 -g FI-vnet0"));
  // The old one said nothing of IPv6.
  EXPECT_EQ(both.ip.at({Family::Ip6, "filter"}), to->ip.at({Family::Ip6, "filter"}));
  // And where the new one says nothing, the old one stays.
  const auto back = both_inet_layers(*to, *from, *new_program, kPort, {});
  ASSERT_TRUE(back);
  EXPECT_EQ(back->at({Family::Ip6, "filter"}), to->ip.at({Family::Ip6, "filter"}));
}

}  // namespace
}  // namespace nwf::legacy
