// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "engine/utf8.h"
#include "xml/network_parts.h"
#include "xml/parameters.h"
#include "xml/suggest.h"
#include "xml/values.h"

namespace nwf::xml {
namespace {

constexpr std::uint64_t kShortestLease = 120;  // seconds; dnsmasq's own limit

std::optional<DhcpLease> read_lease(const Element& parent, Mistakes& mistakes) {
  std::optional<DhcpLease> result;
  for (const Element& child : parent.children) {
    if (child.name != "lease") {
      mistakes.add(child.source, fmt::format("<{}> cannot hold <{}>", parent.name, shown(child.name)),
                   did_you_mean(child.name, {"lease"}));
      continue;
    }
    check_attributes(child, {"expiry", "unit"}, mistakes);
    required(child, "expiry", "add expiry='60' (minutes)", mistakes);
    const auto expiry = number(child, "expiry", 0, 0xffffffffU, mistakes);
    if (!expiry) continue;
    DhcpLease lease;
    lease.expiry = *child.attribute("expiry");
    std::uint64_t scale = 60;
    if (const std::string* unit = child.attribute("unit")) {
      lease.unit = *unit;
      if (*unit == "seconds")
        scale = 1;
      else if (*unit == "hours")
        scale = 3600;
      else if (*unit != "minutes")
        mistakes.add(child.source, fmt::format("unit='{}' of <lease>", shown(*unit)),
                     "write seconds, minutes or hours");
    }
    lease.seconds = *expiry * scale;
    lease.infinite = *expiry == 0;
    if (!lease.infinite && lease.seconds < kShortestLease)
      mistakes.add(child.source, "the shortest lease is two minutes", "write a longer one, or expiry='0' for ever");
    else
      result = lease;
  }
  return result;
}

/// What may stand in a file of dnsmasq between commas.
bool is_host_name(std::string_view name) {
  return !name.empty() && name.size() <= 253 && name.front() != '-' &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_'; });
}

bool is_client_id(std::string_view id) {
  return !id.empty() && id.size() <= 500 &&
         std::all_of(id.begin(), id.end(), [](unsigned char c) { return std::isxdigit(c) != 0 || c == ':'; });
}

void read_bootp(const Element& element, bool ipv6, NetworkIp& ip, Mistakes& mistakes) {
  check_attributes(element, {"file", "server"}, mistakes);
  const std::string* file = required(element, "file", "add file='pxelinux.0'", mistakes);
  const std::string* server = element.attribute("server");
  if (ipv6) mistakes.add(element.source, "<bootp> is for IPv4", "remove it");
  if (file == nullptr) return;
  for (const std::string* text : {file, server}) {
    if (text == nullptr) continue;
    if (has_control_character(element, "an attribute of <bootp>", *text, mistakes)) return;
    if (text->find(',') != std::string::npos) {
      mistakes.add(element.source, fmt::format("'{}' of <bootp> has a comma", shown(*text)), "rename it");
      return;
    }
  }
  ip.bootp = {*file, server == nullptr ? "" : *server};
}

void read_dhcp(const Element& element, NetworkIp& ip, Mistakes& mistakes) {
  check_attributes(element, {}, mistakes);
  if (ip.dhcp) mistakes.add(element.source, "a second <dhcp> in one <ip>", "put both in one");
  ip.dhcp = true;
  const bool ipv6 = ip.address.is_ipv6();
  for (const Element& child : element.children) {
    if (child.name == "range")
      read_dhcp_range(child, ip, mistakes);
    else if (child.name == "host")
      read_dhcp_host(child, ipv6, ip, mistakes);
    else if (child.name == "bootp")
      read_bootp(child, ipv6, ip, mistakes);
    else
      mistakes.add(child.source, fmt::format("<dhcp> cannot hold <{}>", shown(child.name)),
                   did_you_mean(child.name, {"range", "host", "bootp"}));
  }
}

/// Before there were prefixes: libvirt gives an address without one its class's.
unsigned class_prefix(const IpAddress& address) {
  const std::uint8_t first = address.bytes().front();
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

}  // namespace

void read_dhcp_range(const Element& element, NetworkIp& ip, Mistakes& mistakes) {
  check_attributes(element, {"start", "end"}, mistakes);
  required(element, "start", "add start='192.168.122.2'", mistakes);
  required(element, "end", "add end='192.168.122.254'", mistakes);
  const auto start = ip_address(element, "start", mistakes), end = ip_address(element, "end", mistakes);
  const auto lease = read_lease(element, mistakes);
  if (!start || !end) return;
  if (start->is_ipv6() != end->is_ipv6())
    mistakes.add(element.source, fmt::format("range {} - {} is of two families", start->text(), end->text()));
  else if (*end < *start)
    mistakes.add(element.source, fmt::format("range {} - {} is reversed", start->text(), end->text()),
                 "write the lower address first");
  else
    ip.ranges.push_back({*start, *end, lease});
}

void read_dhcp_host(const Element& element, bool ipv6, NetworkIp& ip, Mistakes& mistakes) {
  check_attributes(element, {"mac", "id", "name", "ip"}, mistakes);
  DhcpHost host;
  const std::size_t before = mistakes.count();
  if (const std::string* mac = element.attribute("mac")) {
    host.mac = Mac::parse(*mac);
    if (ipv6)
      mistakes.add(element.source, "an IPv6 <host> is known by its id, not by a MAC address", "use id= or name=");
    else if (!host.mac)
      mistakes.add(element.source, fmt::format("'{}' is not a MAC address", shown(*mac)), "write 52:54:00:ab:cd:ef");
    else if (host.mac->is_multicast())
      mistakes.add(element.source, fmt::format("{} is a multicast address", host.mac->text()));
  }
  if (const std::string* name = element.attribute("name")) {
    host.name = *name;
    if (!is_host_name(*name))
      mistakes.add(element.source, fmt::format("'{}' cannot be a host's name", shown(*name)),
                   "use letters, digits, '-' and '.'");
  }
  if (const std::string* id = element.attribute("id")) {
    host.id = *id;
    if (!is_client_id(*id))
      mistakes.add(element.source, fmt::format("'{}' is not a client's identifier", shown(*id)),
                   "write hexadecimal digits and colons");
  }
  host.ip = ip_address(element, "ip", mistakes);
  host.lease = read_lease(element, mistakes);
  if (element.attribute("ip") == nullptr)
    mistakes.add(element.source, "<host> has no ip", "add the address it gets: ip='192.168.122.10'");
  if (!ipv6 && !host.mac && host.name.empty() && host.id.empty() && element.attribute("mac") == nullptr)
    mistakes.add(element.source, "<host> names nobody", "add mac='52:54:00:ab:cd:ef' or name='web'");
  if (ipv6 && host.name.empty() && host.id.empty() && element.attribute("mac") == nullptr)
    mistakes.add(element.source, "<host> names nobody", "add id='00:03:00:01:…' or name='web'");
  if (host.ip && host.ip->is_ipv6() != ipv6)
    mistakes.add(element.source, fmt::format("{} is not of the family of its <ip>", host.ip->text()));
  if (mistakes.count() != before) return;
  for (const DhcpHost& other : ip.hosts) {
    if (host.mac && other.mac == host.mac)
      mistakes.add(element.source, fmt::format("a second <host> for {}", host.mac->text()), "keep one of them");
    else if (other.ip == host.ip)
      mistakes.add(element.source, fmt::format("{} is reserved twice", host.ip->text()), "give it to one host");
  }
  ip.hosts.push_back(std::move(host));
}

void read_ip(const Element& element, Network& network, Mistakes& mistakes) {
  check_attributes(element, {"address", "family", "netmask", "prefix", "localPtr"}, mistakes);
  NetworkIp ip;
  ip.source = element.source;
  if (required(element, "address", "add address='192.168.122.1'", mistakes) == nullptr) return;
  const auto address = ip_address(element, "address", mistakes);
  if (!address) return;
  ip.address = *address;
  const std::string* family = element.attribute("family");
  ip.family_written = family != nullptr;
  if (family != nullptr && *family != "ipv4" && *family != "ipv6")
    mistakes.add(element.source, fmt::format("family='{}' of <ip>", shown(*family)), "write ipv4 or ipv6");
  else if (address->is_ipv6() && (family == nullptr || *family != "ipv6"))
    mistakes.add(element.source, fmt::format("no family is given for the IPv6 address {}", address->text()),
                 "add family='ipv6'");
  else if (!address->is_ipv6() && family != nullptr && *family == "ipv6")
    mistakes.add(element.source, fmt::format("{} is not an IPv6 address", address->text()), "remove family='ipv6'");
  const auto prefix = prefix_length(element, address->is_ipv6(), mistakes);
  ip.netmask_written = element.attribute("netmask") != nullptr;
  ip.prefix_written = element.attribute("prefix") != nullptr;
  ip.prefix = prefix.value_or(address->is_ipv6() ? 64 : class_prefix(*address));
  if (!prefix && !ip.netmask_written && !ip.prefix_written && !address->is_ipv6())
    mistakes.warn(element.source,
                  fmt::format("<ip> has no prefix, so it is {} by its address's class", ip.subnet().text()),
                  "add prefix='24'");
  ip.local_ptr = yes_no(element, "localPtr", mistakes).value_or(false);
  if (ip.local_ptr && ip.prefix % (address->is_ipv6() ? 4 : 8) != 0)
    mistakes.add(element.source,
                 fmt::format("localPtr='yes' needs a prefix that is a multiple of {}", address->is_ipv6() ? 4 : 8));
  for (const Element& child : element.children) {
    if (child.name == "dhcp") {
      read_dhcp(child, ip, mistakes);
    } else if (child.name == "tftp") {
      check_attributes(child, {"root"}, mistakes);
      const std::string* root = required(child, "root", "add root='/var/lib/tftp'", mistakes);
      if (address->is_ipv6()) mistakes.add(child.source, "<tftp> is for IPv4", "put it in an IPv4 <ip>");
      if (root != nullptr && !has_control_character(child, "root", *root, mistakes)) {
        if (root->front() != '/' || root->find(',') != std::string::npos)
          mistakes.add(child.source, fmt::format("'{}' cannot be a tftp root", shown(*root)),
                       "write an absolute path without a comma");
        ip.tftp_root = *root;
      }
    } else {
      mistakes.add(child.source, fmt::format("<ip> cannot hold <{}>", shown(child.name)),
                   did_you_mean(child.name, {"dhcp", "tftp"}));
    }
  }
  network.ips.push_back(std::move(ip));
}

}  // namespace nwf::xml
