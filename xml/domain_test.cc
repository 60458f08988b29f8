// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/domain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nwf::xml {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// As libvirt 9.0 gives it to a hook at `start begin`, without what is not about interfaces.
const std::string kStart = R"(<domain type='qemu'>
  <name>d1</name>
  <uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>
  <memory unit='KiB'>163840</memory>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <interface type='network'>
      <mac address='52:54:00:00:00:01'/>
      <source network='natnet' portid='2a1f1ad0-0000-4000-8000-5a6a5c2c9d3e' bridge='virbr9'/>
      <target dev='vnet0'/>
      <model type='virtio'/>
      <filterref filter='clean-traffic'>
        <parameter name='IP' value='192.0.2.7'/>
      </filterref>
      <alias name='net0'/>
    </interface>
    <interface type='bridge'>
      <mac address='52:54:00:00:00:02'/>
      <source bridge='br-ext'/>
      <ip address='198.51.100.2' family='ipv4' prefix='24'/>
      <target dev='vnet1'/>
      <filterref filter='no-mac-spoofing'/>
    </interface>
    <interface type='ethernet'>
      <mac address='52:54:00:00:00:03'/>
      <target dev='vnet2'/>
    </interface>
    <interface type='user'>
      <mac address='52:54:00:00:00:04'/>
    </interface>
  </devices>
</domain>
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Domain, EachInterfaceWithAFilterIsABinding) {
  const auto domain = read_domain(kStart, "d1.xml");
  ASSERT_TRUE(domain.has_value()) << describe_all(domain.error());
  EXPECT_EQ(domain->value.guest.name, "d1");
  EXPECT_EQ(domain->value.guest.uuid->text(), "6695eb01-f6a4-8304-79aa-97f2502e193f");
  ASSERT_EQ(domain->value.bindings.size(), 2U);
  const Binding& first = domain->value.bindings[0];
  EXPECT_EQ(first.port.text(), "vnet0");
  EXPECT_EQ(first.mac.text(), "52:54:00:00:00:01");
  EXPECT_EQ(first.filter, "clean-traffic");
  EXPECT_EQ(first.owner.name, "d1");
  EXPECT_EQ(first.owner.uuid, domain->value.guest.uuid);
  EXPECT_THAT(first.variables.at("IP"), ElementsAre("192.0.2.7"));
  EXPECT_EQ(first.source.line, 7);
  EXPECT_THAT(domain->value.bindings[1].variables.at("IP"), ElementsAre("198.51.100.2"));
}

TEST(Domain, PortsWithoutAFilterAreTold) {
  const auto domain = read_domain(kStart, "d1.xml");
  ASSERT_TRUE(domain.has_value());
  ASSERT_EQ(domain->value.open.size(), 1U);
  EXPECT_EQ(domain->value.open[0].text(), "vnet2");
}

TEST(Domain, StandsInTheStatusOfARunningGuest) {
  const auto domain = read_domain(
      "<domstatus state='running' reason='booted' pid='7'><monitor path='/run/m'/>" + kStart + "</domstatus>",
      "d1.xml");
  ASSERT_TRUE(domain.has_value()) << describe_all(domain.error());
  EXPECT_EQ(domain->value.bindings.size(), 2U);
}

TEST(Domain, AFilterWithoutAPortIsAMistake) {
  const auto domain = read_domain(replaced(kStart, "<target dev='vnet0'/>", ""), "d1.xml");
  ASSERT_FALSE(domain.has_value());
  EXPECT_THAT(describe_all(domain.error()), HasSubstr("d1.xml:7:5: no port is named"));
}

TEST(Domain, AllMistakesOfAllInterfacesAreTold) {
  std::string text = replaced(kStart, "52:54:00:00:00:01", "52:54:00:00:00");
  text = replaced(text, "<filterref filter='no-mac-spoofing'/>", "<filterref/>");
  text = replaced(text, "dev='vnet2'", "dev='vnet1'");
  const auto domain = read_domain(text, "d1.xml");
  ASSERT_FALSE(domain.has_value());
  const std::string told = describe_all(domain.error());
  EXPECT_THAT(told, HasSubstr("'52:54:00:00:00' is not a MAC address"));
  EXPECT_THAT(told, HasSubstr("d1.xml:22:7: <filterref>"));
  EXPECT_THAT(told, HasSubstr("a second interface has port vnet1"));
}

TEST(Domain, NeedsANameAndAUuid) {
  const auto domain = read_domain("<domain type='qemu'><devices/></domain>", "d1.xml");
  ASSERT_FALSE(domain.has_value());
  EXPECT_THAT(describe_all(domain.error()), HasSubstr("has no name"));
  EXPECT_THAT(describe_all(domain.error()), HasSubstr("has no UUID"));
}

TEST(Domain, OtherDocumentsAreRefused) {
  for (const char* text : {"<network/>", "<domstatus/>", "<domstatus><network/></domstatus>", "", "<domain"}) {
    const auto domain = read_domain(text, "d1.xml");
    ASSERT_FALSE(domain.has_value()) << text;
    EXPECT_EQ(domain.error().kind, ErrorKind::Invalid) << text;
  }
}

const std::string kPort = R"(<hookData>
  <network><name>natnet</name><uuid>c1a7b1ee-0000-4000-8000-5a6a5c2c9d3e</uuid></network>
  <networkport>
    <uuid>2a1f1ad0-0000-4000-8000-5a6a5c2c9d3e</uuid>
    <owner>
      <name>d1</name>
      <uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>
    </owner>
    <mac address='52:54:00:00:00:11'/>
    <plug type='network' bridge='virbr9'/>
  </networkport>
</hookData>)";

TEST(NetworkPort, NamesItsGuestAndAddress) {
  const auto port = read_network_port(kPort, "port");
  ASSERT_TRUE(port.has_value()) << describe_all(port.error());
  EXPECT_EQ(port->guest.name, "d1");
  EXPECT_EQ(port->mac.text(), "52:54:00:00:00:11");
}

TEST(NetworkPort, ANetworksOwnEventHasNone) {
  const auto port = read_network_port("<hookData><network><name>natnet</name></network></hookData>", "port");
  ASSERT_FALSE(port.has_value());
  EXPECT_EQ(port.error().kind, ErrorKind::NotFound);
}

TEST(NetworkPort, WithoutOwnerOrAddressItIsWrong) {
  const auto port = read_network_port("<hookData><networkport><mac/></networkport></hookData>", "port");
  ASSERT_FALSE(port.has_value());
  EXPECT_EQ(port.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(describe_all(port.error()), HasSubstr("no <owner>"));
  EXPECT_THAT(describe_all(port.error()), HasSubstr("no <mac address>"));
}

TEST(ReadDomain, AnInterfaceWithoutAFilterMayGetItsNetworks) {
  const std::string text =
      "<domain><name>d1</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid><devices>"
      "<interface type='network'><mac address='52:54:00:00:00:01'/>"
      "<source network='n' portgroup='web' bridge='nwfbr0'/><target dev='vnet0'/><ip address='192.0.2.1'/></interface>"
      "<interface type='bridge'><mac address='52:54:00:00:00:02'/><source bridge='nwfbr0'/><target dev='vnet1'/>"
      "<filterref filter='its-own'/></interface>"
      "<interface type='bridge'><mac address='52:54:00:00:00:03'/><source bridge='br9'/><target "
      "dev='vnet2'/></interface>"
      "<interface type='bridge'><mac address='52:54:00:00:00:04'/><source bridge='nwfbr0'/></interface>"
      "</devices></domain>";
  const NetworkFilter networks = [](const std::string& bridge, const std::string& group) -> std::optional<FilterRef> {
    if (bridge != "nwfbr0") return std::nullopt;
    return FilterRef{group == "web" ? "web-only" : "clean-traffic", {{"X", {"1"}}}, {}};
  };
  const auto read = read_domain(text, "d.xml", networks);
  ASSERT_TRUE(read) << describe_all(read.error());
  const auto& bindings = read->value.bindings;
  ASSERT_EQ(bindings.size(), 2U) << "an interface without a port is nobody's yet";
  EXPECT_EQ(bindings[0].filter, "web-only");
  EXPECT_EQ(bindings[0].mac.text(), "52:54:00:00:00:01");
  EXPECT_EQ(bindings[0].variables.at("X"), std::vector<std::string>{"1"});
  EXPECT_EQ(bindings[0].variables.at("IP"), std::vector<std::string>{"192.0.2.1"});
  EXPECT_EQ(bindings[1].filter, "its-own");
  ASSERT_EQ(read->value.open.size(), 1U);
  EXPECT_EQ(read->value.open[0].text(), "vnet2");
  EXPECT_EQ(read_domain(text, "d.xml")->value.bindings.size(), 1U) << "and none when nobody asks networks";
}

}  // namespace
}  // namespace nwf::xml
