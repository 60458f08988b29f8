// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/binding.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace nwf::xml {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kFile = "a.xml";

Binding read(std::string_view text) {
  auto binding = read_binding(text, kFile);
  if (!binding) {
    ADD_FAILURE() << describe_all(binding.error());
    return {{}, *PortName::parse("failed"), {}, "", {}, {}};
  }
  EXPECT_THAT(binding->warnings, IsEmpty());
  return std::move(binding->value);
}

Error refused(std::string_view text) {
  auto binding = read_binding(text, kFile);
  EXPECT_FALSE(binding) << text;
  return binding ? Error{} : std::move(binding).error();
}

std::string place(const Source& source) { return fmt::format("{}:{}:{}", source.file, source.line, source.column); }

TEST(ReadBinding, ReadsAllOfIt) {
  const Binding binding = read(
      "<!-- as virsh nwfilter-binding-dumpxml prints it -->\n"
      "<filterbinding>\n"
      "  <owner>\n"
      "    <name>guest one</name>\n"
      "    <uuid>6f145c54-e3de-9c33-544a-70b69c16af3b</uuid>\n"
      "  </owner>\n"
      "  <portdev name='vnet0'/>\n"
      "  <mac address='52:54:00:56:44:32'/>\n"
      "  <filterref filter='clean-traffic'>\n"
      "    <parameter name='IP' value='192.0.2.1'/>\n"
      "    <parameter name='IP' value='192.0.2.2'/>\n"
      "    <parameter name='CTRL_IP_LEARNING' value='none'/>\n"
      "  </filterref>\n"
      "</filterbinding>\n");
  EXPECT_EQ(binding.owner.name, "guest one");
  ASSERT_TRUE(binding.owner.uuid);
  EXPECT_EQ(binding.owner.uuid->text(), "6f145c54-e3de-9c33-544a-70b69c16af3b");
  EXPECT_EQ(binding.port.text(), "vnet0");
  EXPECT_EQ(binding.mac.text(), "52:54:00:56:44:32");
  EXPECT_EQ(binding.filter, "clean-traffic");
  EXPECT_EQ(binding.variables, (Variables{{"IP", {"192.0.2.1", "192.0.2.2"}}, {"CTRL_IP_LEARNING", {"none"}}}));
  EXPECT_EQ(place(binding.source), "a.xml:2:1");
}

TEST(ReadBinding, NeedsNoOwnerAndNoParameters) {
  const Binding binding = read(
      "<filterbinding><filterref filter='x'/><mac address='2:0:0:0:0:1'/><portdev name='tap-1.5'/></filterbinding>");
  EXPECT_EQ(binding.owner.name, "");
  EXPECT_FALSE(binding.owner.uuid);
  EXPECT_EQ(binding.port.text(), "tap-1.5");
  EXPECT_EQ(binding.mac.text(), "02:00:00:00:00:01");
  EXPECT_THAT(binding.variables, IsEmpty());
}

TEST(ReadBinding, AnOwnerMayHaveAnyOfItsParts) {
  const std::string rest =
      "<portdev name='v'/><mac address='52:54:00:56:44:32'/><filterref filter='x'/></filterbinding>";
  EXPECT_FALSE(read("<filterbinding><owner/>" + rest).owner.uuid);
  EXPECT_EQ(read("<filterbinding><owner><name> a &amp; b </name></owner>" + rest).owner.name, "a & b");
  EXPECT_TRUE(read("<filterbinding><owner><uuid>6f145c54e3de9c33544a70b69c16af3b</uuid></owner>" + rest).owner.uuid);
}

TEST(ReadBinding, TakesEveryNameThatAPortCanHave) {
  for (const char* name : {"a", "vnet0", "123456789012345", "macvtap-1_2.3", "eth0@x", "-"})
    EXPECT_EQ(read(fmt::format("<filterbinding><portdev name='{}'/><mac address='52:54:00:56:44:32'/>"
                               "<filterref filter='x'/></filterbinding>",
                               name))
                  .port.text(),
              name);
}

struct Bad {
  std::string name;
  std::string text;
  std::string message;  ///< part of it
  std::string where;
  std::string right;  ///< part of what would be right
};

std::string with(std::string_view port, std::string_view mac, std::string_view filter) {
  return fmt::format("<filterbinding>\n  {}\n  {}\n  {}\n</filterbinding>\n", port, mac, filter);
}
const std::string kPort = "<portdev name='vnet0'/>";
const std::string kMac = "<mac address='52:54:00:56:44:32'/>";
const std::string kFilter = "<filterref filter='x'/>";

TEST(ReadBinding, RefusesWhatIsWrongAndSaysWhereAndWhatIsRight) {
  const std::vector<Bad> cases = {
      {"another document", "<filter name='x'/>", "<filter>, not a <filterbinding>", "1:1", ""},
      {"no port", with("", kMac, kFilter), "no port", "1:1", "add <portdev name='vnet0'/>"},
      {"no MAC address", with(kPort, "", kFilter), "MAC address is missing", "1:1", "add <mac address="},
      {"no filter", with(kPort, kMac, ""), "no filter", "1:1", "add <filterref filter="},

      {"a port without name", with("<portdev/>", kMac, kFilter), "<portdev> has no name", "2:3", "name='vnet0'"},
      {"a port whose name is misspelt", with("<portdev dev='vnet0'/>", kMac, kFilter), "<portdev> has no name", "2:3",
       "name='vnet0'"},
      {"a port with an empty name", with("<portdev name=''/>", kMac, kFilter), "'' cannot be", "2:3", "1 to 15"},
      {"a port with a long name", with("<portdev name='a-name-of-16-chr'/>", kMac, kFilter), "'a-name-of-16-chr'",
       "2:3", "1 to 15"},
      {"a port with a slash", with("<portdev name='a/b'/>", kMac, kFilter), "'a/b' cannot be", "2:3", "'/'"},
      {"a port with a blank", with("<portdev name='a b'/>", kMac, kFilter), "'a b' cannot be", "2:3", "blank"},
      {"a port with a line break", with("<portdev name='a&#10;b'/>", kMac, kFilter), "cannot be", "2:3", "blank"},
      {"a port named as the folder", with("<portdev name='.'/>", kMac, kFilter), "'.' cannot be", "2:3", "1 to 15"},
      {"a port named as the parent", with("<portdev name='..'/>", kMac, kFilter), "'..' cannot be", "2:3", "1 to 15"},
      {"two ports", with(kPort + "<portdev name='vnet1'/>", kMac, kFilter), "second <portdev>", "2:26", "remove"},
      {"the same port twice", with(kPort + kPort, kMac, kFilter), "second <portdev>", "2:26", "remove"},

      {"a MAC without address", with(kPort, "<mac/>", kFilter), "<mac> has no address", "3:3", "address='52:54"},
      {"a MAC address of five groups", with(kPort, "<mac address='52:54:00:56:44'/>", kFilter), "'52:54:00:56:44'",
       "3:3", "six groups"},
      {"a MAC address of another kind", with(kPort, "<mac address='5254.0056.4432'/>", kFilter), "'5254.0056.4432'",
       "3:3", "six groups"},
      {"a multicast MAC address", with(kPort, "<mac address='01:00:5e:00:00:01'/>", kFilter), "multicast", "3:3",
       "even"},
      {"the broadcast MAC address", with(kPort, "<mac address='ff:ff:ff:ff:ff:ff'/>", kFilter), "multicast", "3:3",
       "even"},
      {"two MAC addresses", with(kPort, kMac + kMac, kFilter), "second <mac>", "3:37", "remove"},

      {"a reference to nothing", with(kPort, kMac, "<filterref/>"), "names no filter", "4:3", "filter='NAME'"},
      {"two references", with(kPort, kMac, kFilter + "<filterref filter='y'/>"), "second <filterref>", "4:26",
       "refers to both"},
      {"a reference with another attribute", with(kPort, kMac, "<filterref filter='x' name='y'/>"), "'name'", "4:3",
       "filter"},
      {"a parameter without value", with(kPort, kMac, "<filterref filter='x'>\n<parameter name='A'/></filterref>"),
       "'A' needs a value", "5:1", "letters"},
      {"a parameter without name", with(kPort, kMac, "<filterref filter='x'>\n<parameter value='A'/></filterref>"),
       "needs a name", "5:1", "<parameter name="},
      {"another element in a reference", with(kPort, kMac, "<filterref filter='x'>\n<param/></filterref>"), "<param>",
       "5:1", "parameter"},

      {"a UUID that is none",
       "<filterbinding><owner>\n<uuid>1</uuid></owner>" + kPort + kMac + kFilter + "</filterbinding>",
       "'1' is not a UUID", "2:1", ""},
      {"an empty UUID", "<filterbinding><owner>\n<uuid/></owner>" + kPort + kMac + kFilter + "</filterbinding>",
       "'' is not a UUID", "2:1", ""},
      {"another element in the owner",
       "<filterbinding><owner>\n<nam>x</nam></owner>" + kPort + kMac + kFilter + "</filterbinding>", "<nam>", "2:1",
       "did you mean 'name'"},
      {"another element", with(kPort, kMac, kFilter + "\n <colour/>"), "cannot hold <colour>", "5:2",
       "owner, portdev, linkdev, mac, filterref"},
      {"a misspelt element", with("<potrdev name='vnet0'/>" + kPort, kMac, kFilter), "<potrdev>", "2:3",
       "did you mean 'portdev'"},
      {"an interface's element", with("<target dev='vnet0'/>" + kPort, kMac, kFilter), "<target>", "2:3", "portdev"},
  };
  for (const Bad& given : cases) {
    SCOPED_TRACE(given.name);
    const Error error = refused(given.text);
    EXPECT_EQ(error.kind, ErrorKind::Invalid);
    EXPECT_THAT(error.message, HasSubstr(given.message));
    EXPECT_EQ(place(error.where), "a.xml:" + given.where);
    EXPECT_THAT(describe(error), HasSubstr(given.right));
    EXPECT_THAT(error.more, IsEmpty()) << "one mistake is told as one, not as\n" << describe_all(error);
  }
}

TEST(ReadBinding, KeepsTheDeviceBelowAMacvtapPort) {
  const Binding binding =
      read("<filterbinding>" + kPort + "<linkdev name='eth0'/>" + kMac + kFilter + "</filterbinding>");
  ASSERT_TRUE(binding.link);
  EXPECT_EQ(binding.link->text(), "eth0");
  const Error error = refused("<filterbinding>" + kPort + "<linkdev name=''/>" + kMac + kFilter + "</filterbinding>");
  EXPECT_THAT(error.message, HasSubstr("cannot be the name of a network interface"));
}

TEST(ReadBinding, TellsWhatIsMissingBesideWhatIsWrong) {
  const Error error = refused("<filterbinding>\n<mac address='1'/></filterbinding>");
  EXPECT_EQ(describe_all(error),
            "a.xml:1:1: no port is named; add <portdev name='vnet0'/>\n"
            "a.xml:1:1: no filter is named; add <filterref filter='clean-traffic'/>\n"
            "a.xml:2:1: '1' is not a MAC address; write six groups like 52:54:00:ab:cd:ef");
}

TEST(ReadBinding, WhatNobodyReadsIsRefused) {
  EXPECT_THAT(refused("<filterbinding x='1'>" + kPort + kMac + kFilter + "</filterbinding>").message,
              HasSubstr("no attribute 'x'"));
  EXPECT_THAT(refused("<filterbinding>vnet0" + kPort + kMac + kFilter + "</filterbinding>").message,
              HasSubstr("text between the elements"));
  EXPECT_THAT(
      refused("<filterbinding>" + kPort + "<mac address='52:54:00:00:00:01' type='e'/>" + kFilter + "</filterbinding>")
          .message,
      HasSubstr("no attribute 'type'"));
  EXPECT_THAT(
      refused("<filterbinding>" + kPort + kMac + "<filterref filter='../../etc/passwd'/></filterbinding>").message,
      HasSubstr("cannot be a filter's name"));
}

TEST(ReadBinding, AddressesInParametersAreAddresses) {
  const auto refers = [](std::string_view name, std::string_view value) {
    return with(kPort, kMac,
                fmt::format("<filterref filter='x'><parameter name='{}' value='{}'/></filterref>", name, value));
  };
  EXPECT_EQ(read(refers("IP", "192.0.2.1")).variables, (Variables{{"IP", {"192.0.2.1"}}}));
  EXPECT_EQ(read(refers("IPV6", "2001:db8::1")).variables, (Variables{{"IPV6", {"2001:db8::1"}}}));
  for (const auto& [name, value, kind] : std::vector<std::array<std::string, 3>>{{"IP", "10.1.2", "IPv4"},
                                                                                 {"IP", "10.1.2.256", "IPv4"},
                                                                                 {"IP", "2001:db8::1", "IPv4"},
                                                                                 {"IP", "guest", "IPv4"},
                                                                                 {"IPV6", "192.0.2.1", "IPv6"},
                                                                                 {"IPV6", "2001:db8::1::2", "IPv6"}}) {
    SCOPED_TRACE(fmt::format("{} {}", name, value));
    const Error error = refused(refers(name, value));
    EXPECT_EQ(error.kind, ErrorKind::Invalid);
    EXPECT_THAT(error.message, HasSubstr(fmt::format("{}='{}'", name, value)));
    EXPECT_THAT(error.message, HasSubstr(fmt::format("{} address", kind)));
    EXPECT_EQ(error.where.line, 4);
  }
}

TEST(ReadBinding, TheWrongOneOfManyAddressesIsTold) {
  const Error error = refused(with(kPort, kMac,
                                   "<filterref filter='x'><parameter name='IP' value='192.0.2.1'/>"
                                   "<parameter name='IP' value='192.0.2'/></filterref>"));
  EXPECT_THAT(error.message, HasSubstr("IP='192.0.2'"));
  EXPECT_THAT(error.more, IsEmpty());
}

TEST(ReadBinding, TellsAllMissingPartsAtOnce) {
  const Error error = refused("<filterbinding/>");
  EXPECT_THAT(error.more, SizeIs(2));
  for (const char* part : {"<portdev", "<mac", "<filterref"}) EXPECT_THAT(describe_all(error), HasSubstr(part));
}

TEST(ReadBinding, TellsAllMistakesAtOnceInTheOrderOfTheText) {
  const Error error = refused(
      "<filterbinding>\n<owner><uuid>1</uuid></owner>\n<portdev name='a/b'/>\n<mac address='1'/>\n<colour/>\n"
      "<filterref/>\n</filterbinding>");
  std::vector<int> lines{error.where.line};
  for (const Error& further : error.more) lines.push_back(further.where.line);
  EXPECT_THAT(lines, testing::ElementsAre(2, 3, 4, 5, 6));
}

TEST(ReadBinding, TellsWhatIsNotXmlLikeAnyMistake) {
  const Error error = refused("<filterbinding>\n<portdev name=vnet0/>");
  EXPECT_THAT(error.message, HasSubstr("not well-formed XML"));
  EXPECT_EQ(error.where.line, 2);
}

TEST(ReadBinding, ItsOwnAddressAsAParameterIsNoOther) {
  const std::string text =
      "<filterbinding><portdev name='vnet0'/><mac address='52:54:00:00:00:01'/><filterref filter='clean'>"
      "<parameter name='MAC' value='52:54:00:00:00:01'/></filterref></filterbinding>";
  const auto binding = read_binding(text, "b.xml");
  ASSERT_TRUE(binding.has_value());
  EXPECT_TRUE(binding->value.variables.empty());
}

}  // namespace
}  // namespace nwf::xml
