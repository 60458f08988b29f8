// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/update.h"

#include <gtest/gtest.h>

namespace nwf {
namespace {

using Command = UpdateCommand;
using Section = UpdateSection;

IpAddress ip(const std::string& text) { return *IpAddress::parse(text); }

Network two_subnets() {
  Network network;
  network.name = "lab";
  for (const char* address : {"192.168.1.1", "192.168.2.1"}) {
    NetworkIp& added = network.ips.emplace_back();
    added.address = ip(address);
    added.prefix = 24;
  }
  return network;
}

Network part(DhcpHost host) {
  Network network;
  network.ips.emplace_back().hosts.push_back(std::move(host));
  return network;
}

DhcpHost host(const std::string& mac, const std::string& address) {
  DhcpHost out;
  out.mac = Mac::parse(mac);
  if (!address.empty()) out.ip = ip(address);
  return out;
}

TEST(Update, AReservationGoesToTheSubnetItIsIn) {
  Network network = two_subnets();
  ASSERT_TRUE(
      update(network, Command::AddLast, Section::IpDhcpHost, part(host("52:54:00:00:00:01", "192.168.2.9")), {}));
  EXPECT_TRUE(network.ips[0].hosts.empty());
  ASSERT_EQ(network.ips[1].hosts.size(), 1U);
  EXPECT_TRUE(network.ips[1].dhcp);
  const auto again =
      update(network, Command::AddLast, Section::IpDhcpHost, part(host("52:54:00:00:00:01", "192.168.2.10")), {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::Refused);
}

TEST(Update, ModifyKeepsThePlaceAndDeleteNeedsOnlyWho) {
  Network network = two_subnets();
  for (const char* mac : {"52:54:00:00:00:01", "52:54:00:00:00:02"})
    ASSERT_TRUE(update(network, Command::AddLast, Section::IpDhcpHost,
                       part(host(mac, std::string("192.168.2.1") + mac[16])), {}));
  ASSERT_TRUE(
      update(network, Command::Modify, Section::IpDhcpHost, part(host("52:54:00:00:00:01", "192.168.2.50")), {}));
  EXPECT_EQ(network.ips[1].hosts[0].ip->text(), "192.168.2.50");
  ASSERT_TRUE(update(network, Command::Delete, Section::IpDhcpHost, part(host("52:54:00:00:00:01", "")), 1));
  ASSERT_EQ(network.ips[1].hosts.size(), 1U);
  EXPECT_FALSE(update(network, Command::Delete, Section::IpDhcpHost, part(host("52:54:00:00:00:01", "")), 1));
}

TEST(Update, AnAddressOfNoSubnetIsRefused) {
  Network network = two_subnets();
  EXPECT_FALSE(update(network, Command::AddLast, Section::IpDhcpHost, part(host("52:54:00:00:00:01", "10.0.0.1")), {}));
  EXPECT_FALSE(update(network, Command::AddLast, Section::IpDhcpHost, part(host("52:54:00:00:00:01", "10.0.0.1")), 7));
}

TEST(Update, WordsOfVirsh) {
  EXPECT_EQ(update_command_from("add"), Command::AddLast);
  EXPECT_EQ(update_command_from("add-first"), Command::AddFirst);
  EXPECT_FALSE(update_command_from("none"));
  EXPECT_EQ(update_section_from("dns-txt"), Section::DnsTxt);
  EXPECT_FALSE(update_section_from("bridge"));
}

}  // namespace
}  // namespace nwf
