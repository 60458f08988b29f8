// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/filter.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace nwf::xml {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kFile = "a.xml";

Parsed<Filter> parsed(std::string_view text) {
  auto filter = read_filter(text, kFile);
  EXPECT_TRUE(filter) << describe_all(filter.error());
  return filter ? *std::move(filter) : Parsed<Filter>{};
}

Filter read(std::string_view text) {
  auto filter = parsed(text);
  EXPECT_THAT(filter.warnings, IsEmpty());
  return std::move(filter.value);
}

Error refused(std::string_view text) {
  auto filter = read_filter(text, kFile);
  EXPECT_FALSE(filter) << text;
  return filter ? Error{} : std::move(filter).error();
}

std::string place(const Source& source) { return fmt::format("{}:{}:{}", source.file, source.line, source.column); }

TEST(ReadFilter, TheLeastIsAName) {
  const Filter filter = read("<filter name='x'/>");
  EXPECT_EQ(filter.name, "x");
  EXPECT_FALSE(filter.uuid);
  EXPECT_EQ(filter.chain, "root");
  EXPECT_FALSE(filter.priority);
  EXPECT_THAT(filter.entries, IsEmpty());
  EXPECT_EQ(place(filter.source), "a.xml:1:1");
}

TEST(ReadFilter, ReadsNameChainPriorityAndUuid) {
  const Filter filter = read(
      "<?xml version='1.0'?>\n<filter name='no-web' chain='ipv4-web' priority='-650'>\n"
      "  <uuid> 6f145c54-e3de-9c33-544a-70b69c16af3b </uuid>\n</filter>\n");
  EXPECT_EQ(filter.name, "no-web");
  EXPECT_EQ(filter.chain, "ipv4-web");
  EXPECT_EQ(filter.priority, -650);
  ASSERT_TRUE(filter.uuid);
  EXPECT_EQ(filter.uuid->text(), "6f145c54-e3de-9c33-544a-70b69c16af3b");
  EXPECT_EQ(place(filter.source), "a.xml:2:1");
}

TEST(ReadFilter, KeepsRulesAndReferencesInTheOrderOfTheText) {
  const Filter filter = read(
      "<filter name='x'>\n"
      "  <rule action='drop' direction='out'/>\n"
      "  <filterref filter='one'/>\n"
      "  <uuid>6f145c54e3de9c33544a70b69c16af3b</uuid>\n"
      "  <rule action='accept' direction='in'/><filterref filter='two'/>\n"
      "</filter>");
  ASSERT_EQ(filter.entries.size(), 4U);
  EXPECT_EQ(std::get<FilterRule>(filter.entries[0]).action, Action::Drop);
  EXPECT_EQ(std::get<FilterRef>(filter.entries[1]).filter, "one");
  EXPECT_EQ(std::get<FilterRule>(filter.entries[2]).action, Action::Accept);
  EXPECT_EQ(std::get<FilterRef>(filter.entries[3]).filter, "two");
  EXPECT_EQ(place(std::get<FilterRule>(filter.entries[0]).source), "a.xml:2:3");
  EXPECT_EQ(place(std::get<FilterRef>(filter.entries[1]).source), "a.xml:3:3");
  EXPECT_EQ(place(std::get<FilterRule>(filter.entries[2]).source), "a.xml:5:3");
  EXPECT_EQ(place(std::get<FilterRef>(filter.entries[3]).source), "a.xml:5:41");
  EXPECT_TRUE(filter.uuid) << "it may stand anywhere";
}

TEST(ReadFilter, AReferenceGivesEachParameterItsValuesInOrder) {
  const Filter filter = read(
      "<filter name='x'><filterref filter='a'>"
      "<parameter name='IP' value='192.0.2.2'/><parameter name='PORT_1' value='80'/>"
      "<parameter name='IP' value='192.0.2.1'/><parameter name='ip' value='2001:db8::1'/>"
      "</filterref></filter>");
  EXPECT_EQ(std::get<FilterRef>(filter.entries.at(0)).parameters,
            (Variables{{"IP", {"192.0.2.2", "192.0.2.1"}}, {"PORT_1", {"80"}}, {"ip", {"2001:db8::1"}}}));
}

TEST(ReadFilter, CommentsBlanksAndAHeadSayNothing) {
  const Filter filter = read(
      "\xEF\xBB\xBF<?xml version='1.0' encoding='UTF-8'?>\n<!-- one -->\n<filter name='x'>\r\n <!-- <rule/> -->\t"
      "<rule action='drop' direction='in'> <!-- <tcp/> --> </rule>\n</filter>\n<!-- two -->");
  ASSERT_EQ(filter.entries.size(), 1U);
  EXPECT_EQ(std::get<FilterRule>(filter.entries[0]).protocol, Protocol::None);
}

TEST(ReadFilter, TakesNamesThatAFileCanHave) {
  for (const std::string& name : {std::string("x"), std::string("clean-traffic"), std::string("Mein Filter ä"),
                                  std::string("a.b:c+d"), std::string("..."), std::string("-x"), std::string(250, 'n')})
    EXPECT_EQ(read(fmt::format("<filter name='{}'/>", name)).name, name);
}

TEST(ReadFilter, TakesTheChainsOfTheLanguage) {
  const std::vector<std::pair<std::string, int>> chains = {
      {"root", 0},       {"mac", -800},  {"vlan", -750},         {"stp", -810},      {"arp", -500},
      {"rarp", -400},    {"ipv4", -700}, {"ipv6", -600},         {"ipv4-web", -700}, {"ipv6_a.b:c", -600},
      {"arp-xyz", -500}, {"macX", -800}, {"vlan-1234567", -750},
  };
  for (const auto& [chain, priority] : chains) {
    SCOPED_TRACE(chain);
    const Filter filter = read(fmt::format("<filter name='x' chain='{}'/>", chain));
    EXPECT_EQ(filter.chain, chain);
    EXPECT_EQ(filter.chain_priority(), priority);
  }
}

TEST(ReadFilter, PrioritiesReachFromMinus1000To1000) {
  for (const int priority : {-1000, -999, -1, 0, 1, 999, 1000}) {
    const Filter filter = read(fmt::format(
        "<filter name='x' priority='{0}'><rule action='drop' direction='in' priority='{0}'/></filter>", priority));
    EXPECT_EQ(filter.priority, priority);
    EXPECT_EQ(std::get<FilterRule>(filter.entries.at(0)).priority, priority);
  }
}

/// The text stands in the third line from its fifth column on.
std::string in_rule(std::string_view text) {
  return fmt::format("<filter name='x'>\n  <rule action='drop' direction='out'>\n    {}\n  </rule>\n</filter>\n", text);
}
/// The rule stands in the second line from its third column on.
std::string with_rule(std::string_view rule) { return fmt::format("<filter name='x'>\n  {}\n</filter>\n", rule); }
/// The parameter stands in the third line from its fifth column on.
std::string with_parameter(std::string_view parameter) {
  return fmt::format("<filter name='x'>\n  <filterref filter='a'>\n    {}\n  </filterref>\n</filter>\n", parameter);
}

struct Bad {
  std::string name;
  std::string text;
  std::string message;  ///< part of it
  int line;
  int column;
  std::string right;  ///< part of what would be right, whether the message or the remedy says it
};

const std::vector<Bad>& bad_heads() {
  static const std::vector<Bad> cases = {
      {"another document", "<domain type='kvm'/>", "<domain>, not a <filter>", 1, 1, "<filter name="},
      {"a binding", "<!-- a -->\n <filterbinding/>", "<filterbinding>, not a <filter>", 2, 2, "<filter name="},
      {"a rule alone", "<rule action='drop' direction='in'/>", "<rule>, not a <filter>", 1, 1, "<filter name="},
      {"another case", "<Filter name='x'/>", "<Filter>, not a <filter>", 1, 1, "<filter name="},
      {"no name", "<filter/>", "no name", 1, 1, "name='NAME'"},
      {"an empty name", "<filter name=''/>", "'' cannot be a filter's name", 1, 1, "1 to 250"},
      {"a name for the parent folder", "<filter name='..'/>", "'..' cannot be", 1, 1, "none of them '/'"},
      {"a name for the folder", "<filter name='.'/>", "'.' cannot be", 1, 1, "none of them '/'"},
      {"a path", "<filter name='../x'/>", "'../x' cannot be", 1, 1, "none of them '/'"},
      {"an absolute path", "<filter name='/etc/x'/>", "'/etc/x' cannot be", 1, 1, "none of them '/'"},
      {"a name of two lines", "<filter name='a&#10;b'/>", "cannot be a filter's name", 1, 1, "control character"},
      {"a name with a DEL", "<filter name='a&#127;b'/>", "cannot be a filter's name", 1, 1, "control character"},
      {"a name that is too long", "<filter name='" + std::string(251, 'n') + "'/>", "cannot be", 1, 1, "1 to 250"},
      {"an unknown attribute", "<filter name='x' colour='red'/>", "no attribute 'colour'", 1, 1,
       "name, chain, priority"},
      {"a misspelt attribute", "<filter name='x' priorty='1'/>", "'priorty'", 1, 1, "did you mean 'priority'"},
      {"the name in another case", "<filter name='x' Chain='root'/>", "'Chain'", 1, 1, "did you mean 'chain'"},
      {"a UUID as attribute", "<filter name='x' uuid='1'/>", "no attribute 'uuid'", 1, 1, "name, chain, priority"},

      {"a chain of no protocol", "<filter name='x' chain='ftp'/>", "'ftp' cannot be a chain", 1, 1, "begins with mac"},
      {"a chain in upper case", "<filter name='x' chain='IPV4'/>", "'IPV4'", 1, 1, "begins with mac"},
      {"a chain with a prefix of root", "<filter name='x' chain='root-2'/>", "'root-2'", 1, 1, "root, or a name"},
      {"a chain of the other word", "<filter name='x' chain='ip'/>", "'ip'", 1, 1, "ipv4"},
      {"an empty chain", "<filter name='x' chain=''/>", "'' cannot be a chain", 1, 1, "root, or a name"},
      {"a chain with a blank", "<filter name='x' chain='ipv4 a'/>", "'ipv4 a'", 1, 1, "letters, digits"},
      {"a chain with a slash", "<filter name='x' chain='ipv4/a'/>", "'ipv4/a'", 1, 1, "letters, digits"},
      {"a chain that is too long", "<filter name='x' chain='ipv4-12345678'/>", "'ipv4-12345678'", 1, 1, "at most 12"},

      {"a priority too large", "<filter name='x' priority='1001'/>", "'1001' of <filter>", 1, 1, "-1000 to 1000"},
      {"a priority too small", "<filter name='x' priority='-1001'/>", "'-1001' of <filter>", 1, 1, "-1000 to 1000"},
      {"a priority that overflows", "<filter name='x' priority='4294967296'/>", "'4294967296'", 1, 1, "-1000 to 1000"},
      {"a priority in hexadecimal", "<filter name='x' priority='0x10'/>", "'0x10'", 1, 1, "-1000 to 1000"},
      {"a priority that is a word", "<filter name='x' priority='high'/>", "'high'", 1, 1, "-1000 to 1000"},
      {"an empty priority", "<filter name='x' priority=''/>", "''", 1, 1, "-1000 to 1000"},
      {"a broken priority", "<filter name='x' priority='1.5'/>", "'1.5'", 1, 1, "-1000 to 1000"},
      {"a priority with blanks", "<filter name='x' priority=' 1'/>", "' 1'", 1, 1, "-1000 to 1000"},

      {"a UUID that is too short", "<filter name='x'>\n <uuid>12</uuid></filter>", "'12' is not a UUID", 2, 2,
       "8-4-4-4-12"},
      {"a UUID with another letter", "<filter name='x'>\n <uuid>6f145c54-e3de-9c33-544a-70b69c16af3g</uuid></filter>",
       "is not a UUID", 2, 2, "8-4-4-4-12"},
      {"a UUID that is too long", "<filter name='x'>\n <uuid>6f145c54-e3de-9c33-544a-70b69c16af3b0</uuid></filter>",
       "is not a UUID", 2, 2, "8-4-4-4-12"},
      {"a second UUID",
       "<filter name='x'>\n<uuid>6f145c54-e3de-9c33-544a-70b69c16af3b</uuid>\n"
       " <uuid>6f145c54-e3de-9c33-544a-70b69c16af3b</uuid></filter>",
       "second <uuid>", 3, 2, "remove"},
      {"an unknown element", "<filter name='x'>\n  <colour/></filter>", "cannot hold <colour>", 2, 3,
       "rule, filterref, uuid"},
      {"a misspelt rule", "<filter name='x'>\n  <ruel/></filter>", "cannot hold <ruel>", 2, 3, "did you mean 'rule'"},
      {"a misspelt reference", "<filter name='x'>\n  <filter-ref/></filter>", "<filter-ref>", 2, 3,
       "did you mean 'filterref'"},
      {"a protocol outside a rule", "<filter name='x'>\n\t<icmpv6/></filter>", "cannot hold <icmpv6>", 2, 2, "rule"},
      {"a filter in a filter", "<filter name='x'>\n <filter name='y'/></filter>", "cannot hold <filter>", 2, 2,
       "filterref"},
      {"text", "<filter name='x'>\n drop all\n</filter>", "'drop all'", 1, 1, "remove"},
      {"text between rules", "<filter name='x'>\n<uuid>6f145c54e3de9c33544a70b69c16af3b</uuid>; </filter>", "';'", 1, 1,
       "remove"},
  };
  return cases;
}

const std::vector<Bad>& bad_references() {
  static const std::vector<Bad> cases = {
      {"a reference to nothing", with_rule("<filterref/>"), "names no filter", 2, 3, "filter='NAME'"},
      {"a reference to an empty name", with_rule("<filterref filter=''/>"), "names no filter", 2, 3, "filter='NAME'"},
      {"a reference by name", with_rule("<filterref filter='a' name='b'/>"), "no attribute 'name'", 2, 3, "filter"},
      {"an unknown element in a reference", with_parameter("<variable name='A' value='1'/>"), "cannot hold <variable>",
       3, 5, "parameter"},
      {"a misspelt parameter", with_parameter("<paramter name='A' value='1'/>"), "<paramter>", 3, 5,
       "did you mean 'parameter'"},
      {"a parameter without name", with_parameter("<parameter value='1'/>"), "needs a name", 3, 5, "<parameter name="},
      {"a parameter with an empty name", with_parameter("<parameter name='' value='1'/>"), "needs a name", 3, 5,
       "letters, digits and '_'"},
      {"a parameter with a dash", with_parameter("<parameter name='A-B' value='1'/>"), "needs a name", 3, 5,
       "letters, digits and '_'"},
      {"a parameter with a dollar", with_parameter("<parameter name='$A' value='1'/>"), "needs a name", 3, 5,
       "letters, digits and '_'"},
      {"a parameter with another letter", with_parameter("<parameter name='Ä' value='1'/>"), "needs a name", 3, 5,
       "letters, digits and '_'"},
      {"a parameter without value", with_parameter("<parameter name='A'/>"), "'A' needs a value", 3, 5,
       "letters, digits"},
      {"a parameter with an empty value", with_parameter("<parameter name='A' value=''/>"), "'A' needs a value", 3, 5,
       "letters, digits"},
      {"a value with a shell's characters", with_parameter("<parameter name='A' value='1;ls'/>"), "'A' needs a value",
       3, 5, "letters, digits"},
      {"a value with a variable", with_parameter("<parameter name='A' value='$B'/>"), "'A' needs a value", 3, 5,
       "letters, digits"},
      {"a value with a line break", with_parameter("<parameter name='A' value='1&#10;2'/>"), "'A' needs a value", 3, 5,
       "letters, digits"},
      {"a value with a network", with_parameter("<parameter name='A' value='10.0.0.0/8'/>"), "'A' needs a value", 3, 5,
       "letters, digits"},
      {"a misspelt attribute of a parameter", with_parameter("<parameter name='A' value='1' valeu='1'/>"),
       "no attribute 'valeu'", 3, 5, "did you mean 'value'"},
  };
  return cases;
}

const std::vector<Bad>& bad_rules() {
  static const std::vector<Bad> cases = {
      {"no action", with_rule("<rule direction='in'/>"), "no action", 2, 3, "accept|drop|reject|return|continue"},
      {"no direction", with_rule("<rule action='drop'/>"), "no direction", 2, 3, "in|out|inout"},
      {"a misspelt action", with_rule("<rule action='acept' direction='in'/>"), "'acept' is no action", 2, 3,
       "did you mean 'accept'"},
      {"an action of another tool", with_rule("<rule action='masquerade' direction='in'/>"), "'masquerade'", 2, 3,
       "accept, drop, reject, return, continue"},
      {"an action in upper case", with_rule("<rule action='DROP' direction='in'/>"), "'DROP' is no action", 2, 3,
       "drop"},
      {"a misspelt direction", with_rule("<rule action='drop' direction='inuot'/>"), "'inuot' is no direction", 2, 3,
       "did you mean 'inout'"},
      {"a direction of another tool", with_rule("<rule action='drop' direction='forward'/>"), "'forward'", 2, 3,
       "in, out, inout"},
      {"a priority too large", with_rule("<rule action='drop' direction='in' priority='1001'/>"), "'1001' of <rule>", 2,
       3, "-1000 to 1000"},
      {"a priority too small", with_rule("<rule action='drop' direction='in' priority='-1001'/>"), "'-1001' of <rule>",
       2, 3, "-1000 to 1000"},
      {"a priority that is a word", with_rule("<rule action='drop' direction='in' priority='last'/>"), "'last'", 2, 3,
       "-1000 to 1000"},
      {"a misspelt attribute", with_rule("<rule action='drop' direction='in' prioirty='1'/>"), "'prioirty'", 2, 3,
       "did you mean 'priority'"},
      {"an attribute of its protocol", with_rule("<rule action='drop' direction='in' dstportstart='1'/>"),
       "no attribute 'dstportstart'", 2, 3, "action, direction, priority, statematch"},
      {"another statematch", with_rule("<rule action='drop' direction='in' statematch='no'/>"), "statematch='no'", 2, 3,
       "'false'"},
      {"text in a rule", with_rule("<rule action='drop' direction='in'>tcp</rule>"), "'tcp'", 2, 3, "remove"},

      {"an unknown protocol", in_rule("<gre/>"), "no protocol <gre>", 3, 5, ""},
      {"an unknown long protocol", in_rule("<bittorrent/>"), "no protocol <bittorrent>", 3, 5, "mac, vlan, stp"},
      {"a misspelt protocol", in_rule("<tpc/>"), "no protocol <tpc>", 3, 5, "did you mean 'tcp'"},
      {"a protocol in upper case", in_rule("<ICMPv6/>"), "<ICMPv6>", 3, 5, ""},
      {"a misspelt protocol over IPv6", in_rule("<upd-ipv6/>"), "<upd-ipv6>", 3, 5, "did you mean 'udp-ipv6'"},
      {"a protocol by another name", in_rule("<icmp-v6/>"), "<icmp-v6>", 3, 5, "did you mean 'icmpv6'"},
      {"a reference in a rule", in_rule("<filterref filter='a'/>"), "<filterref>", 3, 5, ""},
      {"two protocols", in_rule("<tcp/>\n    <udp/>"), "one protocol; <udp> stands beside <tcp>", 4, 5, "two rules"},
      {"two layers", in_rule("<ip/> <tcp/>"), "<tcp> stands beside <ip>", 3, 11, "two rules"},
      {"IPv4 and IPv6", in_rule("<tcp/><tcp-ipv6/>"), "<tcp-ipv6> stands beside <tcp>", 3, 11, "two rules"},
      {"an element in a protocol", in_rule("<tcp>\n      <dstportstart/></tcp>"), "<tcp> cannot hold <dstportstart>", 4,
       7, "attributes"},
      {"another match", in_rule("<tcp match='never' dstportstart='1'/>"), "match='never'", 3, 5, "yes nor no"},
      {"match in upper case", in_rule("<tcp match='NO' dstportstart='1'/>"), "match='NO'", 3, 5, "yes nor no"},
      {"a misspelt attribute of a protocol", in_rule("<tcp dstportstrat='25'/>"),
       "<tcp> has no attribute 'dstportstrat'", 3, 5, "did you mean 'dstportstart'"},
      {"an attribute in another case", in_rule("<mac srcMacAddr='1'/>"), "'srcMacAddr'", 3, 5,
       "did you mean 'srcmacaddr'"},
      {"an attribute of no protocol", in_rule("<udp colour-of-the-cable='red'/>"), "'colour-of-the-cable'", 3, 5,
       "dstportstart"},
      {"the place in several lines", in_rule("<tcp\n  dstportstart='1'\n  dstportned='2'/>"), "'dstportned'", 3, 5,
       "did you mean 'dstportend'"},

      {"a MAC address of five groups", in_rule("<mac srcmacaddr='52:54:00:00:01'/>"),
       "srcmacaddr of <mac>: '52:54:00:00:01'", 3, 5, "six groups"},
      {"a MAC address with other letters", in_rule("<arp arpsrcmacaddr='52:54:00:zz:00:01'/>"), "52:54:00:zz:00:01", 3,
       5, "six groups"},
      {"a MAC address with dashes", in_rule("<ip dstmacaddr='52-54-00-00-00-01'/>"), "dstmacaddr of <ip>", 3, 5,
       "six groups"},
      {"an empty MAC address", in_rule("<all srcmacaddr=''/>"), "srcmacaddr of <all>: ''", 3, 5, "six groups"},
      {"a MAC mask as a number", in_rule("<mac srcmacaddr='52:54:00:00:00:01' srcmacmask='24'/>"),
       "srcmacmask of <mac>", 3, 5, "six groups"},
      {"a MAC address of a bridge", in_rule("<stp root-address='1'/>"), "root-address of <stp>", 3, 5, "six groups"},
      {"an IPv4 address that is too large", in_rule("<ip srcipaddr='10.0.0.256'/>"), "srcipaddr of <ip>: '10.0.0.256'",
       3, 5, "up to 255"},
      {"an IPv4 address of three numbers", in_rule("<tcp dstipaddr='10.0.0'/>"), "'10.0.0'", 3, 5, "192.0.2.1"},
      {"an IPv4 network", in_rule("<tcp dstipaddr='10.0.0.0/8'/>"), "'10.0.0.0/8'", 3, 5, "192.0.2.1"},
      {"an IPv6 address for IPv4", in_rule("<udp srcipaddr='2001:db8::1'/>"), "'2001:db8::1' is not an IPv4 address", 3,
       5, "192.0.2.1"},
      {"an IPv4 address for IPv6", in_rule("<udp-ipv6 srcipaddr='192.0.2.1'/>"), "'192.0.2.1' is not an IPv6 address",
       3, 5, "2001:db8::1"},
      {"a host's name", in_rule("<arp arpdstipaddr='gateway'/>"), "'gateway'", 3, 5, "192.0.2.1"},
      {"an IPv6 address with two gaps", in_rule("<ipv6 dstipaddr='2001::1::2'/>"), "'2001::1::2'", 3, 5, "2001:db8::1"},
      {"an IPv6 address with a zone", in_rule("<ipv6 dstipaddr='fe80::1%eth0'/>"), "'fe80::1%eth0'", 3, 5,
       "2001:db8::1"},
      {"an IPv4 mask that is too long", in_rule("<ip srcipaddr='10.0.0.0' srcipmask='33'/>"), "srcipmask of <ip>: '33'",
       3, 5, "0 to 32"},
      {"an IPv4 mask with a gap", in_rule("<ip srcipaddr='10.0.0.0' srcipmask='255.0.255.0'/>"), "'255.0.255.0'", 3, 5,
       "255.255.255.0"},
      {"an ARP mask with a slash", in_rule("<arp arpsrcipaddr='10.0.0.0' arpsrcipmask='/8'/>"), "'/8'", 3, 5,
       "0 to 32"},
      {"an IPv6 mask that is too long", in_rule("<all-ipv6 srcipaddr='::' srcipmask='129'/>"), "'129'", 3, 5,
       "0 to 128"},
      {"the end of a range of addresses", in_rule("<tcp srcipfrom='10.0.0.1' srcipto='10.0.0.x'/>"), "srcipto of <tcp>",
       3, 5, "192.0.2.1"},
      {"a port that is too large", in_rule("<tcp dstportstart='65536'/>"), "dstportstart of <tcp>: '65536'", 3, 5,
       "0xffff"},
      {"a port below zero", in_rule("<udp srcportstart='-1'/>"), "'-1'", 3, 5, "0 to 65535"},
      {"a service's name", in_rule("<sctp-ipv6 dstportstart='http'/>"), "'http'", 3, 5, "0 to 65535"},
      {"a range in one attribute", in_rule("<tcp dstportstart='20-25'/>"), "'20-25'", 3, 5, "0 to 65535"},
      {"an EtherType that is a length", in_rule("<mac protocolid='1500'/>"), "protocolid of <mac>: '1500'", 3, 5,
       "1536 to 65535"},
      {"an EtherType that is too large", in_rule("<mac protocolid='0x10000'/>"), "'0x10000'", 3, 5, "1536 to 65535"},
      {"an EtherType's other name", in_rule("<vlan encap-protocol='ip'/>"), "encap-protocol of <vlan>: 'ip'", 3, 5,
       "arp, rarp, ipv4, ipv6, vlan"},
      {"a VLAN that is too large", in_rule("<vlan vlanid='4096'/>"), "vlanid of <vlan>: '4096'", 3, 5, "0 to 4095"},
      {"an unknown ARP operation", in_rule("<arp opcode='Ask'/>"), "opcode of <arp>: 'Ask'", 3, 5, "Request, Reply"},
      {"an ARP operation that is too large", in_rule("<rarp opcode='65536'/>"), "'65536'", 3, 5, "Reply_Reverse"},
      {"a hardware type", in_rule("<arp hwtype='ethernet'/>"), "hwtype of <arp>: 'ethernet'", 3, 5, "0 to 65535"},
      {"gratuitous", in_rule("<arp gratuitous='maybe'/>"), "gratuitous of <arp>: 'maybe'", 3, 5, "true or false"},
      {"a DSCP that is too large", in_rule("<ip dscp='64'/>"), "dscp of <ip>: '64'", 3, 5, "0 to 63"},
      {"a DSCP by name", in_rule("<tcp dscp='af11'/>"), "'af11'", 3, 5, "0x3f"},
      {"an ICMP type that is too large", in_rule("<icmp type='256'/>"), "type of <icmp>: '256'", 3, 5, "0 to 255"},
      {"an ICMP type by name", in_rule("<icmpv6 type='echo-request'/>"), "'echo-request'", 3, 5, "0 to 255"},
      {"an ICMP code below zero", in_rule("<icmp code='-1'/>"), "code of <icmp>: '-1'", 3, 5, "0 to 255"},
      {"an unknown state", in_rule("<tcp state='OPEN'/>"), "state of <tcp>: 'OPEN'", 3, 5, "NEW, ESTABLISHED"},
      {"states with semicolons", in_rule("<all state='NEW;RELATED'/>"), "'NEW;RELATED'", 3, 5, "joined by commas"},
      {"NONE beside a state", in_rule("<all-ipv6 state='NONE,NEW'/>"), "'NONE,NEW'", 3, 5, "or NONE"},
      {"a variable for states", in_rule("<tcp state='$S'/>"), "'$S'", 3, 5, "the value itself"},
      {"TCP flags without mask", in_rule("<tcp flags='SYN'/>"), "flags of <tcp>: 'SYN'", 3, 5, "MASK/SET"},
      {"an unknown TCP flag", in_rule("<tcp flags='SYN,ECE/SYN'/>"), "'SYN,ECE/SYN'", 3, 5, "MASK/SET"},
      {"flags of STP", in_rule("<stp flags='256'/>"), "flags of <stp>: '256'", 3, 5, "0 to 255"},
      {"a TCP option", in_rule("<tcp option='256'/>"), "option of <tcp>", 3, 5, "0 to 255"},
      {"an unknown IP protocol", in_rule("<ip protocol='ospf'/>"), "protocol of <ip>: 'ospf'", 3, 5, "tcp, udp"},
      {"an IP protocol that is too large", in_rule("<ipv6 protocol='256'/>"), "'256'", 3, 5, "0 to 255"},
      {"a limit of connections", in_rule("<tcp connlimit-above='many'/>"), "connlimit-above of <tcp>: 'many'", 3, 5,
       "0 to 65535"},
      {"an ipset's name", in_rule("<tcp ipset='a/b' ipsetflags='src'/>"), "ipset of <tcp>: 'a/b'", 3, 5, "1 to 31"},
      {"flags of an ipset", in_rule("<tcp ipset='a' ipsetflags='both'/>"), "ipsetflags of <tcp>: 'both'", 3, 5,
       "src and dst"},
      {"a cost of STP", in_rule("<stp root-cost='4294967296'/>"), "root-cost of <stp>", 3, 5, "0 to 4294967295"},
      {"a comment that is too long", in_rule("<tcp comment='" + std::string(257, 'c') + "'/>"), "comment of <tcp>", 3,
       5, "at most 256"},
      {"a variable without name", in_rule("<tcp srcipaddr='$'/>"), "'$' is not a variable", 3, 5, "$NAME"},
      {"a variable with a dash", in_rule("<tcp srcipaddr='$A-B'/>"), "'$A-B'", 3, 5, "$NAME"},
      {"a variable with a broken index", in_rule("<tcp srcipaddr='$A[x]'/>"), "'$A[x]'", 3, 5, "$NAME[3]"},
      {"a variable with braces", in_rule("<tcp srcipaddr='${A}'/>"), "'${A}'", 3, 5, "$NAME"},
  };
  return cases;
}

void expect_refused(const Bad& given) {
  SCOPED_TRACE(given.name);
  const Error error = refused(given.text);
  EXPECT_EQ(error.kind, ErrorKind::Invalid);
  EXPECT_THAT(error.message, HasSubstr(given.message));
  EXPECT_EQ(place(error.where), fmt::format("{}:{}:{}", kFile, given.line, given.column));
  EXPECT_THAT(describe(error), HasSubstr(given.right));
  EXPECT_THAT(error.more, IsEmpty()) << "one mistake is told as one, not as\n" << describe_all(error);
}

TEST(ReadFilter, RefusesBadHeadsAndSaysWhereAndWhatIsRight) {
  for (const Bad& given : bad_heads()) expect_refused(given);
}

TEST(ReadFilter, RefusesBadReferencesAndSaysWhereAndWhatIsRight) {
  for (const Bad& given : bad_references()) expect_refused(given);
}

TEST(ReadFilter, RefusesBadRulesAndSaysWhereAndWhatIsRight) {
  for (const Bad& given : bad_rules()) expect_refused(given);
}

// The rule as a whole is wrong: the place may be the rule's or its element's.
TEST(ReadFilter, RefusesAttributesWithoutTheOnesTheyNeed) {
  struct Case {
    std::string element;
    std::string message;
    std::string right;
  };
  const std::vector<Case> cases = {
      {"<ip dstportstart='25'/>", "<ip> with ports", "protocol='tcp'"},
      {"<ip srcportstart='$P'/>", "<ip> with ports", "protocol='tcp'"},
      {"<ipv6 srcportstart='25'/>", "<ipv6> with ports", "protocol='tcp'"},
      {"<ip protocol='icmp' dstportstart='25'/>", "<ip> with ports", "protocol='tcp'"},
      {"<ipv6 protocol='esp' dstportstart='25'/>", "<ipv6> with ports", "protocol='tcp'"},
      {"<ipv6 type='135'/>", "ICMP type or code", "protocol='icmpv6'"},
      {"<ipv6 protocol='icmp' code='1'/>", "ICMP type or code", "protocol='icmpv6'"},
      {"<tcp srcportend='25'/>", "srcportend without srcportstart", "add srcportstart"},
      {"<udp-ipv6 dstportend='$P'/>", "dstportend without dstportstart", "add dstportstart"},
      {"<sctp dstportstart='1' srcportend='2'/>", "srcportend without srcportstart", "add srcportstart"},
      {"<ip protocol='tcp' dstportend='25'/>", "dstportend without dstportstart", "add dstportstart"},
      {"<all srcipto='192.0.2.9'/>", "srcipto without srcipfrom", "add srcipfrom"},
      {"<all-ipv6 dstipto='2001:db8::9'/>", "dstipto without dstipfrom", "add dstipfrom"},
      {"<ipv6 protocol='icmpv6' typeend='9'/>", "typeend without type", "add type"},
      {"<ipv6 protocol='icmpv6' type='9' codeend='9'/>", "codeend without code", "add code"},
      {"<stp root-priority-hi='9'/>", "root-priority-hi without root-priority", "add root-priority"},
      {"<stp port-hi='9'/>", "port-hi without port", "add port"},
      {"<stp hello-time-hi='9' age='9'/>", "hello-time-hi without hello-time", "add hello-time"},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.element);
    const Error error = refused(in_rule(given.element));
    EXPECT_EQ(error.kind, ErrorKind::Invalid);
    EXPECT_THAT(error.message, HasSubstr(given.message));
    EXPECT_THAT(error.remedy, HasSubstr(given.right));
    EXPECT_THAT(error.where.line, testing::AnyOf(2, 3));
    EXPECT_THAT(error.more, IsEmpty()) << describe_all(error);
  }
}

// Nothing of a text with a mistake may be believed, so what cannot be read as XML has the same shape.
TEST(ReadFilter, TellsWhatIsNotXmlLikeAnyMistake) {
  const Error error = refused("<filter name='x'>\n  <rule action='drop' direction='out'>\n</filter>");
  EXPECT_EQ(error.kind, ErrorKind::Invalid);
  EXPECT_EQ(error.where.file, kFile);
  EXPECT_EQ(error.where.line, 3);
  EXPECT_THAT(error.message, HasSubstr("not well-formed XML"));
}

TEST(ReadFilter, TellsAllMistakesAtOnce) {
  const Error error = refused(
      "<filter name='a/b' priority='9999' chain='ftp'>\n"
      "  <rule action='acept' direction='inn' priority='x'>\n"
      "    <tcp dstportstart='70000' srcipaddr='1.2.3' colour='red'/>\n"
      "    <udp/>\n"
      "  </rule>\n"
      "  <ruel/>\n"
      "  <filterref>\n"
      "    <parameter name='a-b' value='1'/>\n"
      "    <parameter name='A' value='/'/>\n"
      "  </filterref>\n"
      "  <rule action='drop' direction='out'><tpc/></rule>\n"
      "</filter>\n");
  std::vector<std::string> told{describe(error)};
  for (const Error& further : error.more) {
    EXPECT_EQ(further.kind, ErrorKind::Invalid);
    EXPECT_THAT(further.more, IsEmpty());
    told.push_back(describe(further));
  }
  const auto mistake = [](const std::string& where, const std::string& what) {
    return testing::AllOf(testing::StartsWith("a.xml:" + where + ": "), HasSubstr(what));
  };
  EXPECT_THAT(
      told, testing::UnorderedElementsAre(mistake("1:1", "'a/b'"), mistake("1:1", "'9999'"), mistake("1:1", "'ftp'"),
                                          mistake("2:3", "'acept'"), mistake("2:3", "'inn'"), mistake("2:3", "'x'"),
                                          mistake("3:5", "'70000'"), mistake("3:5", "'1.2.3'"),
                                          mistake("3:5", "'colour'"), mistake("4:5", "<udp>"), mistake("6:3", "<ruel>"),
                                          mistake("7:3", "names no filter"), mistake("8:5", "needs a name"),
                                          mistake("9:5", "'A' needs a value"), mistake("11:39", "<tpc>")));
}

TEST(ReadFilter, TellsMistakesInTheOrderOfTheText) {
  const Error error = refused(
      "<filter name='..'>\n<rule action='acept' direction='in'/>\n<ruel/><rule direction='in'/>\n"
      "<rule action='drop' direction='in'>\n<tcp dstportstart='x'/>\n<udp/></rule>\n<filterref/></filter>");
  std::vector<std::pair<int, int>> places{{error.where.line, error.where.column}};
  for (const Error& further : error.more) places.emplace_back(further.where.line, further.where.column);
  EXPECT_THAT(places, ElementsAre(std::pair(1, 1), std::pair(2, 1), std::pair(3, 1), std::pair(3, 8), std::pair(5, 1),
                                  std::pair(6, 1), std::pair(7, 1)));
}

TEST(ReadFilter, TellsEachOfVeryManyMistakes) {
  std::string text = "<filter name='x'>\n";
  for (int i = 0; i < 1'000; ++i) text += "<ruel/>\n";
  const Error error = refused(text + "</filter>");
  ASSERT_THAT(error.more, SizeIs(999));
  EXPECT_EQ(place(error.more.back().where), "a.xml:1001:1");
}

TEST(ReadFilter, AMistakeFarIntoALongLineHasItsPlace) {
  std::string text = "<filter name='x'>\n";
  for (int i = 0; i < 1'000; ++i) text += "<rule action='drop' direction='in'/>";
  const std::size_t column = text.size() - std::string_view("<filter name='x'>\n").size() + 1;
  const Error error = refused(text + "<rule action='dorp' direction='in'/></filter>");
  EXPECT_EQ(place(error.where), fmt::format("a.xml:2:{}", column));
}

TEST(ReadFilter, DoesNotRepeatAVeryLongValue) {
  const std::string longest(100'000, 'v');
  for (const std::string& text :
       {fmt::format("<filter name='{}'/>", longest), fmt::format("<filter name='x' chain='{}'/>", longest),
        fmt::format("<filter name='x' priority='{}'/>", longest), fmt::format("<filter name='x'>{}</filter>", longest),
        fmt::format("<filter name='x'><uuid>{}</uuid></filter>", longest),
        with_rule(fmt::format("<rule action='{}' direction='in'/>", longest)),
        with_rule(fmt::format("<rule action='drop' direction='{}'/>", longest)),
        with_rule(fmt::format("<rule action='drop' direction='in' statematch='{}'/>", longest)),
        with_rule(fmt::format("<rule action='drop' direction='in'>{}</rule>", longest)),
        in_rule(fmt::format("<tcp match='{}'/>", longest)), in_rule(fmt::format("<tcp dstportstart='{}'/>", longest))})
    EXPECT_LT(describe_all(refused(text)).size(), 600U) << text.substr(0, 60);
}

}  // namespace
}  // namespace nwf::xml
