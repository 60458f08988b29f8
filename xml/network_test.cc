// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nwf::xml {
namespace {

using ::testing::HasSubstr;

std::string with(const std::string& rest, const std::string& attributes = "") {
  return "<network xmlns:nwf='https://nwf.dev/xmlns/network/1.0'"
         " xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'" +
         attributes + "><name>n</name>" + rest + "</network>";
}
const std::string kIp = "<ip address='192.168.122.1' prefix='24'/>";

std::string mistakes_of(const std::string& text) {
  const auto parsed = read_network(text, "n.xml");
  return parsed ? "taken" : describe_all(parsed.error());
}

struct Wrong {
  std::string name, xml, message;
};

class Refused : public ::testing::TestWithParam<Wrong> {};

TEST_P(Refused, WithAPlaceAndAReason) {
  const std::string told = mistakes_of(GetParam().xml);
  EXPECT_THAT(told, HasSubstr(GetParam().message)) << GetParam().xml;
  EXPECT_THAT(told, HasSubstr("n.xml:1:"));
}

std::string dhcp(const std::string& inner, const std::string& ip = "address='192.168.122.1' prefix='24'") {
  return with("<ip " + ip + "><dhcp>" + inner + "</dhcp></ip>");
}

INSTANTIATE_TEST_SUITE_P(
    Networks, Refused,
    ::testing::Values(
        Wrong{"NoName", "<network/>", "has no <name>"},
        Wrong{"Slash", "<network><name>a/b</name></network>", "invalid character in name"},
        Wrong{"NewlineInName", "<network><name>a&#10;b</name></network>", "invalid character in name"},
        Wrong{"CommaInName", "<network><name>a,b</name></network>", "invalid character in name"},
        Wrong{"Unknown", with("<brigde/>"), "did you mean 'bridge'?"},
        Wrong{"Twice", with("<mtu size='1500'/><mtu size='1400'/>"), "a second <mtu>"},
        Wrong{"BadMode", with("<forward mode='zap'/>" + kIp), "unknown forwarding type 'zap'"},
        Wrong{"NatWithoutIp", with("<forward mode='nat'/>"), "has no IP address"},
        Wrong{"RouteWithoutIp", with("<forward mode='route'/>"), "has no IP address"},
        Wrong{"OpenWithDev", with("<forward mode='open' dev='eth0'/>" + kIp),
              "dev is not allowed for network 'n' with forward mode='open'"},
        Wrong{"NatElementElsewhere", with("<forward mode='route'><nat/></forward>" + kIp),
              "can only be used when the mode"},
        Wrong{"NatPortReversed", with("<forward><nat><port start='9' end='8'/></nat></forward>" + kIp), "has no room"},
        Wrong{"NatPortOne", with("<forward><nat><port start='500' end='500'/></nat></forward>" + kIp), "has no room"},
        Wrong{"NatAddressIpv6",
              with("<forward><nat><address start='2001:db8::1' end='2001:db8::2'/></nat></forward>" + kIp),
              "bad IPv4 start address"},
        Wrong{"MaskAndPrefix", with("<ip address='192.168.122.1' prefix='24' netmask='255.255.255.0'/>"),
              "both a prefix and a netmask"},
        Wrong{"SpottedMask", with("<ip address='192.168.122.1' netmask='255.0.255.0'/>"), "not in one run"},
        Wrong{"V6WithoutFamily", with("<ip address='2001:db8::1' prefix='64'/>"), "no family is given"},
        Wrong{"V4AsV6", with("<ip family='ipv6' address='192.168.122.1'/>"), "is not an IPv6 address"},
        Wrong{"RangeOutside", dhcp("<range start='192.168.1.2' end='192.168.122.9'/>"),
              "is not entirely within network 192.168.122.0/24"},
        Wrong{"RangeReversed", dhcp("<range start='192.168.122.9' end='192.168.122.2'/>"), "is reversed"},
        Wrong{"RangeAtNetwork", dhcp("<range start='192.168.122.0' end='192.168.122.9'/>"), "is the network address"},
        Wrong{"RangeAtBroadcast", dhcp("<range start='192.168.122.9' end='192.168.122.255'/>"),
              "is the broadcast address"},
        Wrong{
            "TwoDhcp",
            with(
                "<ip address='192.168.1.1' prefix='24'><dhcp/></ip><ip address='192.168.2.1' prefix='24'><dhcp/></ip>"),
            "multiple IPv4 dhcp sections"},
        Wrong{"ShortLease", dhcp("<range start='192.168.122.2' end='192.168.122.9'><lease expiry='1'/></range>"),
              "shortest lease"},
        Wrong{"HostWithoutIp", dhcp("<host mac='52:54:00:00:00:01'/>"), "has no ip"},
        Wrong{"HostWithoutWho", dhcp("<host ip='192.168.122.2'/>"), "names nobody"},
        Wrong{"HostElsewhere", dhcp("<host mac='52:54:00:00:00:01' ip='192.168.1.2'/>"), "is not in network"},
        Wrong{"HostTwice",
              dhcp("<host mac='52:54:00:00:00:01' ip='192.168.122.2'/><host name='b' ip='192.168.122.2'/>"),
              "reserved twice"},
        Wrong{"HostNameWithComma", dhcp("<host mac='52:54:00:00:00:01' name='a,set:x' ip='192.168.122.2'/>"),
              "cannot be a host's name"},
        Wrong{"HostNameWithNewline", dhcp("<host mac='52:54:00:00:00:01' name='a&#10;b' ip='192.168.122.2'/>"),
              "cannot be a host's name"},
        Wrong{"ClientIdWithComma", dhcp("<host id='01,ignore' name='a' ip='192.168.122.2'/>"),
              "not a client's identifier"},
        Wrong{
            "Ipv6HostByMac",
            dhcp("<host mac='52:54:00:00:00:01' ip='2001:db8::2'/>", "family='ipv6' address='2001:db8::1' prefix='64'"),
            "known by its id"},
        Wrong{"RouteGateway", with(kIp + "<route address='10.0.0.0' prefix='8' gateway='192.168.1.1'/>"),
              "unreachable static route gateway"},
        Wrong{"RouteHostBits", with(kIp + "<route address='10.0.0.1' prefix='8' gateway='192.168.122.2'/>"),
              "is not the start of a network"},
        Wrong{"StpInBridgeMode", with("<forward mode='bridge'/><bridge name='br0' stp='on'/>"),
              "only allowed in isolated, nat, route and open"},
        Wrong{"IpInBridgeMode", with("<forward mode='bridge'/><bridge name='br0'/>" + kIp),
              "<ip> in network 'n' with forward mode='bridge'"},
        Wrong{"BridgeNameLong", with("<bridge name='abcdefghijklmnop'/>"), "cannot be the name of a bridge"},
        Wrong{"MacMulticast", with("<mac address='01:00:00:00:00:00'/>"), "multicast"},
        Wrong{"TextWithNewline", with("<dns><txt name='a' value='x&#10;server=192.0.2.1'/></dns>"),
              "has a control character"},
        Wrong{"TextNameWithComma", with("<dns><txt name='a,b' value='x'/></dns>"),
              "cannot be the name of a text record"},
        Wrong{"DomainWithNewline", with("<domain name='a&#10;b'/>"), "cannot be a domain"},
        Wrong{"HostnameWithSpace", with("<dns><host ip='192.0.2.1'><hostname>a b</hostname></host></dns>"),
              "cannot be a host's name"},
        Wrong{"OptionWithNewline",
              with("<dnsmasq:options><dnsmasq:option value='a&#10;conf-file=/etc/shadow'/></dnsmasq:options>"),
              "has a control character"},
        Wrong{"TftpRootWithNewline", with("<ip address='192.168.122.1' prefix='24'><tftp root='/a&#10;b'/></ip>"),
              "has a control character"},
        Wrong{"DnsOffWithData", with("<dns enable='no'><txt name='a' value='b'/></dns>"),
              "extra data in a disabled <dns>"},
        Wrong{"SrvPortWithoutTarget", with("<dns><srv service='a' protocol='tcp' port='1'/></dns>"), "needs a target"},
        Wrong{"ForwardToElsewhere",
              with("<forward/>" + kIp + "<nwf:port-forward proto='tcp' start='80' to='10.0.0.1'/>"),
              "is not in network 'n'"},
        Wrong{"ForwardInRoute",
              with("<forward mode='route'/>" + kIp + "<nwf:port-forward proto='tcp' start='80' to='192.168.122.2'/>"),
              "is for forward mode='nat'"},
        Wrong{"ForwardFromLoopback",
              with("<forward/>" + kIp +
                   "<nwf:port-forward proto='tcp' address='127.0.0.1' start='80' to='192.168.122.2'/>"),
              "loopback"},
        Wrong{"MarkOfNothing", with("<nwf:accept mark='0'/>"), "is not a mark"},
        Wrong{"MarkTooLarge", with("<nwf:accept mark='0x1ffffffff'/>"), "is not a mark"},
        Wrong{"MarkInOpenNetwork",
              "<network xmlns:nwf='https://nwf.dev/xmlns/network/1.0'><name>n</name><forward mode='open'/><nwf:accept "
              "mark='1'/></network>",
              "is of no use"},
        Wrong{"CooperateInOpenNetwork",
              "<network xmlns:nwf='https://nwf.dev/xmlns/network/1.0'><name>n</name><forward mode='open'/>"
              "<nwf:cooperate/></network>",
              "is of no use"},
        Wrong{"CooperateWithAttribute", with("<nwf:cooperate all='yes'/>"), "all"},
        Wrong{"ProxyArpWithoutDevice", with("<nwf:proxy-arp/>"), "dev"},
        Wrong{"ProxyArpOfNoDevice", with("<nwf:proxy-arp dev='a/b'/>"), "a/b"},
        Wrong{"ProxyArpInNatNetwork", with("<nwf:proxy-arp dev='eth0'/>"), "mode='route'"},
        Wrong{"OtherNamespace", "<network xmlns:nwf='urn:x'><name>n</name><nwf:overlap allow='yes'/></network>",
              "the prefix nwf stands for 'urn:x'"},
        Wrong{"TwoDefaultGroups", with("<portgroup name='a' default='yes'/><portgroup name='b' default='yes'/>"),
              "two default port groups"},
        Wrong{"VlanRange", with("<vlan><tag id='4096'/></vlan>"), "is not a number from 0 to 4095"}),
    [](const auto& wrong) { return wrong.param.name; });

TEST(Network, AllMistakesAreToldAtOnce) {
  const auto parsed =
      read_network("<network>\n<name>a/b</name>\n<mtu size='x'/>\n<forward mode='zap'/>\n</network>", "n.xml");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().where.line, 2);
  ASSERT_EQ(parsed.error().more.size(), 2U);
  EXPECT_EQ(parsed.error().more[0].where.line, 3);
  EXPECT_EQ(parsed.error().more[1].where.line, 4);
}

TEST(Network, AnAddressWithoutAPrefixHasItsClasses) {
  const auto parsed = read_network(with("<ip address='10.0.1.1'/>"), "n.xml");
  ASSERT_TRUE(parsed) << describe_all(parsed.error());
  EXPECT_EQ(parsed->value.ips[0].subnet().text(), "10.0.0.0/8");
  ASSERT_EQ(parsed->warnings.size(), 1U);
}

TEST(Network, MetadataIsKeptToTheLetter) {
  const std::string metadata = "<metadata><a:x xmlns:a='urn:a'>\n  <!-- yes --> &lt;b <a:y/>\n</a:x></metadata>";
  const auto parsed = read_network(with(metadata + "<mtu size='1400'/>"), "n.xml");
  ASSERT_TRUE(parsed) << describe_all(parsed.error());
  EXPECT_EQ(parsed->value.metadata, metadata);
  const std::string written = write_network(parsed->value);
  EXPECT_THAT(written, HasSubstr(metadata));
  EXPECT_TRUE(read_network(written, "again"));
}

TEST(Network, ItsDumpSaysTheDeviceTwiceAndIsReadAsOne) {
  const auto parsed =
      read_network(with("<forward mode='nat' dev='eth0'><interface dev='eth0'/></forward>" + kIp), "n.xml");
  ASSERT_TRUE(parsed) << describe_all(parsed.error());
  EXPECT_EQ(parsed->value.forward->devices, std::vector<std::string>{"eth0"});
}

TEST(Network, APoolOfDevicesIsKept) {
  const auto parsed = read_network(with("<forward mode='passthrough'><pf dev='eth0'/></forward><virtualport "
                                        "type='802.1Qbh'><parameters profileid='x'/></virtualport>"),
                                   "n.xml");
  ASSERT_TRUE(parsed) << describe_all(parsed.error());
  const std::string written = write_network(parsed->value);
  EXPECT_THAT(written, HasSubstr("<pf dev='eth0'/>"));
  EXPECT_THAT(written, HasSubstr("<parameters profileid='x'/>"));
}

TEST(Network, FiltersOfItsPortsAndOfAGroupsAreRead) {
  const auto parsed = read_network(
      with("<portgroup name='web'><filterref filter='web-only'/></portgroup><portgroup name='plain'/>"
           "<filterref filter='clean-traffic'><parameter name='CTRL_IP_LEARNING' value='dhcp'/></filterref>"),
      "n.xml");
  ASSERT_TRUE(parsed) << describe_all(parsed.error());
  const Network& network = parsed->value;
  EXPECT_TRUE(network.has_filter());
  EXPECT_EQ(network.filter_of("web")->filter, "web-only");
  for (const char* group : {"plain", "", "unheard-of"}) {
    ASSERT_TRUE(network.filter_of(group)) << group;
    EXPECT_EQ(network.filter_of(group)->filter, "clean-traffic");
    EXPECT_EQ(network.filter_of(group)->parameters.at("CTRL_IP_LEARNING"), std::vector<std::string>{"dhcp"});
  }
  const std::string written = write_network(network);
  const auto again = read_network(written, "again");
  ASSERT_TRUE(again) << written;
  EXPECT_EQ(write_network(again->value), written);
  EXPECT_EQ(again->value.filter_of("web"), network.filter_of("web"));
}

TEST(Network, APortOfNoGroupIsOfTheDefaultGroup) {
  const auto parsed =
      read_network(with("<portgroup name='a'><filterref filter='of-a'/></portgroup><portgroup name='b' default='yes'>"
                        "<filterref filter='of-b'/></portgroup>"),
                   "n.xml");
  ASSERT_TRUE(parsed) << describe_all(parsed.error());
  EXPECT_EQ(parsed->value.filter_of("")->filter, "of-b");
  EXPECT_EQ(parsed->value.filter_of("a")->filter, "of-a");
  EXPECT_FALSE(parsed->value.filter_of("c"));
  const auto second =
      read_network(with("<portgroup name='a'><filterref filter='x'/><filterref filter='y'/></portgroup>"), "n.xml");
  ASSERT_FALSE(second);
  EXPECT_THAT(describe_all(second.error()), HasSubstr("a second <filterref>"));
}

}  // namespace
}  // namespace nwf::xml
