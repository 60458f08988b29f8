// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/interface.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace nwf::xml {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kFile = "a.xml";

Binding value_of(Result<Parsed<Binding>> binding) {
  if (!binding) {
    ADD_FAILURE() << describe_all(binding.error());
    return {{}, *PortName::parse("failed"), {}, "", {}, {}};
  }
  EXPECT_THAT(binding->warnings, IsEmpty());
  return std::move(binding->value);
}

Binding read(std::string_view text) { return value_of(read_interface(text, kFile)); }

Error refused(std::string_view text) {
  auto binding = read_interface(text, kFile);
  EXPECT_FALSE(binding) << text;
  return binding ? Error{} : std::move(binding).error();
}

std::string place(const Source& source) { return fmt::format("{}:{}:{}", source.file, source.line, source.column); }

/// What is given stands in the third line from its third column on.
std::string with(std::string_view more, std::string_view filterref = "<filterref filter='clean-traffic'/>") {
  return fmt::format(
      "<interface type='bridge'>\n  <mac address='52:54:00:56:44:32'/><target dev='vnet0'/>\n  {}\n  {}\n</interface>",
      more, filterref);
}

constexpr std::string_view kShort =
    "<interface type='bridge'><mac address='52:54:00:56:44:32'/><source bridge='br1'/><ip address='10.33.8.131'/>"
    "<target dev='vnet0'/><filterref filter='clean-traffic'/></interface>";

TEST(ReadInterface, ReadsAGuestsBridgedInterface) {
  const Binding binding = read(kShort);
  EXPECT_EQ(binding.port.text(), "vnet0");
  EXPECT_EQ(binding.mac.text(), "52:54:00:56:44:32");
  EXPECT_EQ(binding.filter, "clean-traffic");
  EXPECT_EQ(binding.variables, (Variables{{"IP", {"10.33.8.131"}}}));
  EXPECT_EQ(binding.owner.name, "");
  EXPECT_FALSE(binding.owner.uuid);
  EXPECT_EQ(place(binding.source), "a.xml:1:1");
}

// As virsh dumpxml prints it of a running guest.
TEST(ReadInterface, LooksAtNothingElse) {
  const Binding binding = read(
      "<interface type='network' trustGuestRxFilters='yes'>\n"
      "  <mac address='52:54:00:56:44:32' type='static'/>\n"
      "  <source network='default' portid='f1c4' bridge='virbr0'><address type='pci' domain='0'/></source>\n"
      "  <virtualport type='openvswitch'><parameters interfaceid='x'/></virtualport>\n"
      "  <vlan><tag id='42'/></vlan>\n"
      "  <bandwidth><inbound average='1000'/></bandwidth>\n"
      "  <target dev='vnet7' managed='no'/>\n"
      "  <guest dev='eth0'/>\n"
      "  <model type='virtio'/><driver name='vhost' queues='4'/><mtu size='1500'/>\n"
      "  <filterref filter='no-spoofing'><parameter name='GATEWAY' value='192.0.2.254'/></filterref>\n"
      "  <route address='192.0.2.0' prefix='24' gateway='192.0.2.254'/>\n"
      "  <alias name='net0'/><boot order='1'/>\n"
      "  <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>\n"
      "  text\n"
      "</interface>");
  EXPECT_EQ(binding.port.text(), "vnet7");
  EXPECT_EQ(binding.filter, "no-spoofing");
  EXPECT_EQ(binding.variables, (Variables{{"GATEWAY", {"192.0.2.254"}}}));
}

TEST(ReadInterface, TheTypeDoesNotMatter) {
  for (const char* type : {" type='bridge'", " type='network'", " type='ethernet'", " type='direct'", " type='x'", ""})
    EXPECT_EQ(read(fmt::format("<interface{}><mac address='52:54:00:56:44:32'/><target dev='vnet0'/>"
                               "<filterref filter='x'/></interface>",
                               type))
                  .port.text(),
              "vnet0");
}

struct Addresses {
  std::string name;
  std::string ip;         ///< the <ip> elements
  std::string parameter;  ///< within the filterref
  Variables variables;
};

TEST(ReadInterface, AddressesBecomeVariablesUnlessTheyAreGiven) {
  const std::vector<Addresses> cases = {
      {"none", "", "", {}},
      {"IPv4", "<ip address='192.0.2.1'/>", "", {{"IP", {"192.0.2.1"}}}},
      {"IPv4 with its family and prefix",
       "<ip family='ipv4' address='192.0.2.1' prefix='24'/>",
       "",
       {{"IP", {"192.0.2.1"}}}},
      {"several in their order",
       "<ip address='192.0.2.9'/><ip address='192.0.2.1'/>",
       "",
       {{"IP", {"192.0.2.9", "192.0.2.1"}}}},
      {"IPv6", "<ip family='ipv6' address='2001:db8::1'/>", "", {{"IPV6", {"2001:db8::1"}}}},
      {"both",
       "<ip family='ipv6' address='2001:db8::1' prefix='64'/><ip address='192.0.2.1'/>",
       "",
       {{"IP", {"192.0.2.1"}}, {"IPV6", {"2001:db8::1"}}}},
      {"IP is given", "<ip address='192.0.2.1'/>", "<parameter name='IP' value='192.0.2.7'/>", {{"IP", {"192.0.2.7"}}}},
      {"IP is given, IPV6 is not",
       "<ip address='192.0.2.1'/><ip family='ipv6' address='2001:db8::1'/>",
       "<parameter name='IP' value='192.0.2.7'/>",
       {{"IP", {"192.0.2.7"}}, {"IPV6", {"2001:db8::1"}}}},
      {"IPV6 is given",
       "<ip address='192.0.2.1'/><ip family='ipv6' address='2001:db8::1'/>",
       "<parameter name='IPV6' value='2001:db8::7'/>",
       {{"IP", {"192.0.2.1"}}, {"IPV6", {"2001:db8::7"}}}},
      {"another variable is given",
       "<ip address='192.0.2.1'/>",
       "<parameter name='ip' value='192.0.2.7'/>",
       {{"IP", {"192.0.2.1"}}, {"ip", {"192.0.2.7"}}}},
  };
  for (const Addresses& given : cases) {
    SCOPED_TRACE(given.name);
    const std::string filterref = "<filterref filter='x'>" + given.parameter + "</filterref>";
    EXPECT_EQ(read(with(given.ip, filterref)).variables, given.variables);
    EXPECT_EQ(read(with(filterref, given.ip)).variables, given.variables) << "whichever stands first";
  }
}

// The <ip> of a <source> is the host's end.
TEST(ReadInterface, LooksAtItsOwnElementsOnly) {
  const Binding binding = read(with(
      "<source><ip address='192.0.2.1'/><mac address='52:54:00:00:00:01'/><target dev='other'/><filterref/></source>"));
  EXPECT_EQ(binding.port.text(), "vnet0");
  EXPECT_EQ(binding.mac.text(), "52:54:00:56:44:32");
  EXPECT_THAT(binding.variables, IsEmpty());
}

struct Bad {
  std::string name;
  std::string text;
  std::string message;  ///< part of it
  std::string where;
  std::string right;  ///< part of what would be right
};

TEST(ReadInterface, RefusesWhatIsWrongAndSaysWhereAndWhatIsRight) {
  const std::string mac = "<mac address='52:54:00:56:44:32'/>";
  const std::string target = "<target dev='vnet0'/>";
  const std::string filter = "<filterref filter='x'/>";
  const auto of = [](const std::string& inside) { return "<interface type='bridge'>\n  " + inside + "\n</interface>"; };
  const std::vector<Bad> cases = {
      {"another document", "<filterbinding/>", "<filterbinding>, not an <interface>", "1:1", ""},
      {"a whole domain", "<domain>" + of(mac) + "</domain>", "<domain>, not an <interface>", "1:1", ""},
      {"no target", of(mac + filter), "no port", "1:1", "<target dev='vnet0'/>"},
      {"a target without dev", of(mac + filter + "<target managed='no'/>"), "no port", "1:1", "<target dev='vnet0'/>"},
      {"no MAC address", of(target + filter), "MAC address is missing", "1:1", "add <mac address="},
      {"no filter", of(target + mac), "no filter", "1:1", "add <filterref filter="},
      {"an empty dev", of("<target dev=''/>" + mac + filter), "'' cannot be", "2:3", "1 to 15"},
      {"a long dev", of("<target dev='a-name-of-16-chr'/>" + mac + filter), "'a-name-of-16-chr'", "2:3", "1 to 15"},
      {"two targets", of(target + target + mac + filter), "second <target>", "2:24", "remove"},
      {"a MAC without address", of("<mac/>" + target + filter), "no address", "2:3", "address='52:54"},
      {"a bad MAC", of("<mac address='52:54'/>" + target + filter), "'52:54' is not a MAC", "2:3", "six groups"},
      {"a multicast MAC", of("<mac address='53:54:00:00:00:01'/>" + target + filter), "multicast", "2:3", "even"},
      {"two MACs", of(mac + mac + target + filter), "second <mac>", "2:37", "remove"},
      {"two references", of(mac + target + filter + "\n" + filter), "second <filterref>", "3:1", "refers to both"},
      {"a reference to nothing", of("<filterref/>" + mac + target), "names no filter", "2:3", "filter='NAME'"},
      {"an IP without address", with("<ip family='ipv4'/>"), "<ip> has no address", "3:3", "address='192.0.2.1'"},
      {"a bad IPv4 address", with("<ip address='10.33.8'/>"), "'10.33.8' is not an IPv4", "3:3", "up to 255"},
      {"an empty address", with("<ip address=''/>"), "'' is not an IPv4", "3:3", "up to 255"},
      {"a network", with("<ip address='10.33.8.0/24'/>"), "'10.33.8.0/24' is not an IPv4", "3:3", "up to 255"},
      {"IPv6 without family", with("<ip address='2001:db8::1'/>"), "2001:db8::1 is an IPv6", "3:3", "family='ipv6'"},
      {"IPv4 with the other family", with("<ip family='ipv6' address='192.0.2.1'/>"), "'192.0.2.1' is not an IPv6",
       "3:3", ""},
      {"a bad parameter", with("", "<filterref filter='x'><parameter name='IP' value='1.2.3'/></filterref>"),
       "IP='1.2.3' is not an IPv4", "", ""},
  };
  for (const Bad& given : cases) {
    SCOPED_TRACE(given.name);
    const Error error = refused(given.text);
    EXPECT_EQ(error.kind, ErrorKind::Invalid);
    EXPECT_THAT(error.message, HasSubstr(given.message));
    EXPECT_THAT(place(error.where), testing::StartsWith("a.xml:" + given.where));
    EXPECT_THAT(describe(error), HasSubstr(given.right));
    EXPECT_THAT(error.more, IsEmpty()) << "one mistake is told as one, not as\n" << describe_all(error);
  }
}

TEST(ReadInterface, TellsAllMissingPartsAtOnce) {
  const Error error = refused("<interface type='bridge'/>");
  EXPECT_THAT(error.more, SizeIs(2));
  for (const char* part : {"<target", "<mac", "<filterref"}) EXPECT_THAT(describe_all(error), HasSubstr(part));
}

TEST(ReadInterface, TellsAllMistakesAtOnceInTheOrderOfTheText) {
  const Error error = refused(
      "<interface>\n<ip address='1'/>\n<mac address='1'/>\n<target dev='a/b'/>\n<filterref/>\n<ip/>\n</interface>");
  std::vector<int> lines{error.where.line};
  for (const Error& further : error.more) lines.push_back(further.where.line);
  EXPECT_THAT(lines, testing::ElementsAre(2, 3, 4, 5, 6));
}

TEST(ReadBindingOrInterface, GoesByTheDocumentsOwnWord) {
  EXPECT_EQ(value_of(read_binding_or_interface(kShort, kFile)).variables, (Variables{{"IP", {"10.33.8.131"}}}));
  EXPECT_EQ(
      value_of(read_binding_or_interface("<filterbinding><owner><name>g</name></owner><portdev name='vnet1'/>"
                                         "<mac address='52:54:00:56:44:32'/><filterref filter='x'/></filterbinding>",
                                         kFile))
          .owner.name,
      "g");
}

TEST(ReadBindingOrInterface, RefusesAnythingElse) {
  for (const char* text : {"\n <filter name='x'/>", "\n <domain/>", "\n <filterref filter='x'/>"}) {
    auto binding = read_binding_or_interface(text, kFile);
    ASSERT_FALSE(binding) << text;
    EXPECT_EQ(binding.error().kind, ErrorKind::Invalid);
    EXPECT_EQ(place(binding.error().where), "a.xml:2:2");
    EXPECT_THAT(binding.error().remedy, HasSubstr("<filterbinding>"));
    EXPECT_THAT(binding.error().remedy, HasSubstr("<interface>"));
  }
}

TEST(ReadBindingOrInterface, TellsTheMistakesOfEither) {
  EXPECT_THAT(read_binding_or_interface("<interface/>", kFile).error().more, SizeIs(2));
  EXPECT_THAT(read_binding_or_interface("<filterbinding/>", kFile).error().more, SizeIs(2));
  EXPECT_THAT(read_binding_or_interface("<interface>", kFile).error().message, HasSubstr("not well-formed XML"));
}

}  // namespace
}  // namespace nwf::xml
