// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/dnsmasq_conf.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/utf8.h"

namespace nwf {
namespace {

/// dnsmasq counts leases; more than this it does not want to hold for one network.
constexpr std::uint64_t kMostLeases = 65535;

class Conf {
 public:
  void line(std::string_view key) { add(std::string(key)); }
  void line(std::string_view key, std::string_view value) { add(fmt::format("{}={}", key, value)); }
  /// The text, or the first line that would have been two.
  Result<std::string> take() && {
    if (!bad_.empty())
      return fail(ErrorKind::Invalid, fmt::format("'{}' cannot be a line of dnsmasq's configuration", shown(bad_)),
                  "leave out control characters");
    return std::move(text_);
  }

 private:
  void add(const std::string& text) {
    if (bad_.empty() &&
        std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
      bad_ = text;
    text_ += text + '\n';
  }
  std::string text_, bad_;
};

std::string lease_text(const std::optional<DhcpLease>& lease) {
  if (!lease) return {};
  return lease->infinite ? ",infinite" : fmt::format(",{}s", lease->seconds);
}

/// `3.168.192.in-addr.arpa` for 192.168.3.0/24, nibbles for IPv6.
std::string reverse_zone(const Subnet& subnet) {
  std::string zone;
  const Bytes bytes = subnet.address.bytes();
  if (!subnet.is_ipv6()) {
    for (unsigned i = 0; i < subnet.prefix / 8; ++i) zone.insert(0, fmt::format("{}.", bytes[i]));
    zone += "in-addr.arpa";
    return zone;
  }
  for (unsigned i = 0; i < subnet.prefix / 4; ++i) {
    const unsigned nibble = i % 2 == 0 ? bytes[i / 2] >> 4U : bytes[i / 2] & 0x0fU;
    zone.insert(0, fmt::format("{:x}.", nibble));
  }
  zone += "ip6.arpa";
  return zone;
}

/// Addresses of a network, as far as anybody counts.
std::uint64_t size_of(const Subnet& subnet) {
  const unsigned bits = subnet.address.bits() - subnet.prefix;
  return bits >= 16 ? kMostLeases : std::uint64_t{1} << bits;
}

void write_dns(const Network& network, Conf& conf) {
  const Dns dns = network.dns.value_or(Dns{});
  conf.line("strict-order");
  if (!dns.enable) conf.line("port", "0");
  bool own_resolvers = false;
  for (const DnsForwarder& forwarder : dns.forwarders) {
    std::string server = forwarder.domain.empty() ? "" : fmt::format("/{}/", forwarder.domain);
    if (forwarder.address)
      server += forwarder.address->text() + (forwarder.port ? fmt::format("#{}", *forwarder.port) : "");
    else
      server += "#";
    own_resolvers |= forwarder.domain.empty();
    conf.line("server", server);
  }
  if (own_resolvers && network.mode() != ForwardMode::Isolated) conf.line("no-resolv");
  if (network.domain) {
    if (network.domain->local_only) conf.line("local", fmt::format("/{}/", network.domain->name));
    conf.line("domain", network.domain->name);
    conf.line("expand-hosts");
  }
  for (const NetworkIp& ip : network.ips)
    if (ip.local_ptr) conf.line("local", fmt::format("/{}/", reverse_zone(ip.subnet())));
  if (!dns.forward_plain_names) {
    conf.line("domain-needed");
    conf.line("local", "//");
  }
}

void write_records(const Dns& dns, Conf& conf) {
  for (const DnsText& text : dns.texts) conf.line("txt-record", fmt::format("{},{}", text.name, text.value));
  for (const DnsService& s : dns.services) {
    std::string record = fmt::format("_{}._{}", s.service, s.protocol);
    if (!s.domain.empty()) record += "." + s.domain;
    if (!s.target.empty()) {
      record += "," + s.target;
      if (s.port || s.priority || s.weight) record += fmt::format(",{}", s.port.value_or(1));
      if (s.priority || s.weight) record += fmt::format(",{}", s.priority.value_or(0));
      if (s.weight) record += fmt::format(",{}", *s.weight);
    }
    conf.line("srv-host", record);
  }
}

void write_dhcp(const Network& network, const DnsmasqPaths& paths, Conf& conf) {
  std::uint64_t leases = 0;
  bool dhcp4 = false, dhcp6 = false;
  // Nobody answers guests for neighbours that are on the LAN's link and not on theirs: a router leads there.
  const std::string off_link = network.proxy_arp.empty() ? "" : ",off-link";
  for (const bool ipv6 : {false, true})
    for (const NetworkIp& ip : network.ips) {
      if (ip.address.is_ipv6() != ipv6 || !ip.has_dhcp()) continue;
      (ipv6 ? dhcp6 : dhcp4) = true;
      const std::string mask = ipv6 ? fmt::format("{}", ip.prefix) : ip.subnet().netmask().text();
      for (const DhcpRange& range : ip.ranges) {
        conf.line("dhcp-range", fmt::format("{},{}{},{}{}", range.start.text(), range.end.text(), ipv6 ? off_link : "",
                                            mask, lease_text(range.lease)));
      }
      if (ip.ranges.empty())
        conf.line("dhcp-range", ipv6 ? fmt::format("{},static{},{}", ip.address.text(), off_link, ip.prefix)
                                     : fmt::format("{},static,{}", ip.address.text(), mask));
      // As many as the network has addresses: a limit that counted reservations would change with each.
      leases += size_of(ip.subnet());
    }
  if (dhcp4) {
    conf.line("dhcp-no-override");
    conf.line("dhcp-authoritative");
  }
  for (const NetworkIp& ip : network.ips) {
    if (!ip.tftp_root.empty()) {
      conf.line("enable-tftp");
      conf.line("tftp-root", ip.tftp_root);
    }
    if (ip.bootp)
      conf.line("dhcp-boot",
                ip.bootp->server.empty() ? ip.bootp->file : fmt::format("{},,{}", ip.bootp->file, ip.bootp->server));
  }
  if (dhcp4 || dhcp6) {
    conf.line("dhcp-lease-max", fmt::format("{}", std::min(leases, kMostLeases)));
    conf.line("dhcp-hostsdir", paths.dhcp_hosts);
    conf.line("dhcp-leasefile", paths.leases);
  }
  if (network.mtu && dhcp4) conf.line("dhcp-option", fmt::format("option:mtu,{}", *network.mtu));
  if (dhcp6) conf.line("enable-ra");
  for (const NetworkIp& ip : network.ips)
    if (ip.address.is_ipv6() && !dhcp6)
      conf.line("dhcp-range", fmt::format("{},ra-only{}", ip.address.text(), off_link));
}

std::string dhcp_host_line(const DhcpHost& host) {
  std::string line;
  const auto add = [&](const std::string& field) { line += (line.empty() ? "" : ",") + field; };
  if (!host.id.empty()) add("id:" + host.id);
  if (host.mac) add(host.mac->text());
  const bool ipv6 = host.ip && host.ip->is_ipv6();
  if (ipv6) {
    if (!host.name.empty()) add(host.name);
    add("[" + host.ip->text() + "]");
  } else if (host.mac || !host.id.empty()) {
    if (host.ip) add(host.ip->text());
    if (!host.name.empty()) add(host.name);
  } else {
    add(host.name);
    if (host.ip) add(host.ip->text());
  }
  return line + lease_text(host.lease);
}

}  // namespace

bool needs_dnsmasq(const Network& network) {
  if (!has_own_bridge(network.mode()) || network.ips.empty()) return false;
  const bool dhcp =
      std::any_of(network.ips.begin(), network.ips.end(), [](const NetworkIp& ip) { return ip.has_dhcp(); });
  return dhcp || network.has_ipv6() || !network.dns || network.dns->enable ||
         std::any_of(network.ips.begin(), network.ips.end(), [](const NetworkIp& ip) { return !ip.tftp_root.empty(); });
}

Result<DnsmasqFiles> dnsmasq_files(const Network& network, const DnsmasqPaths& paths) {
  DnsmasqFiles files;
  Conf conf;
  conf.line("# made by nwf from network " + network.name + "; changes are lost");
  write_dns(network, conf);
  conf.line("pid-file", paths.pid);
  // Loopback is served otherwise, whatever `interface` says.
  conf.line("except-interface", "lo");
  // Without listen-address: with both, queries for it that come in by other interfaces would be answered
  // (CVE-2012-3411).
  conf.line("bind-dynamic");
  conf.line("interface", network.bridge.name);
  if (network.mode() == ForwardMode::Isolated) {
    // No way out is told, and none is made by asking the host's resolvers.
    conf.line("dhcp-option", "3");
    conf.line("no-resolv");
    if (network.has_ipv6()) conf.line("ra-param", "*,0,0");
  }
  if (network.dns) write_records(*network.dns, conf);
  write_dhcp(network, paths, conf);
  if (!network.dns || network.dns->enable) conf.line("hostsdir", paths.names);
  for (const std::string& option : network.dnsmasq_options) conf.line(option);
  NWF_TRY(files.conf, std::move(conf).take());
  for (const NetworkIp& ip : network.ips)
    for (const DhcpHost& host : ip.hosts)
      if (host.ip) files.dhcp_hosts.emplace(host.ip->text(), dhcp_host_line(host) + "\n");
  if (network.dns)
    for (const DnsHost& host : network.dns->hosts) {
      std::string& text = files.names[host.ip.text()];
      for (const std::string& name : host.names) text += fmt::format("{}\t{}\n", host.ip.text(), name);
    }
  for (const auto* directory : {&files.dhcp_hosts, &files.names})
    for (const auto& [name, text] : *directory)
      if (std::any_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t'; }))
        return fail(ErrorKind::Invalid, fmt::format("what is said of {} cannot stand in dnsmasq's files", name));
  return files;
}

}  // namespace nwf
