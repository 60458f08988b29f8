// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/update.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace nwf {
namespace {

struct SectionName {
  UpdateSection section;
  std::string_view name;
};
constexpr std::array kSections{
    SectionName{UpdateSection::IpDhcpHost, "ip-dhcp-host"},
    SectionName{UpdateSection::IpDhcpRange, "ip-dhcp-range"},
    SectionName{UpdateSection::DnsHost, "dns-host"},
    SectionName{UpdateSection::DnsTxt, "dns-txt"},
    SectionName{UpdateSection::DnsSrv, "dns-srv"},
    SectionName{UpdateSection::ForwardInterface, "forward-interface"},
    SectionName{UpdateSection::PortGroup, "portgroup"},
    SectionName{UpdateSection::PortForward, "port-forward"},
};

std::string name_of(UpdateSection section) {
  return std::string(
      std::find_if(kSections.begin(), kSections.end(), [&](const auto& s) { return s.section == section; })->name);
}

/// One list and one item of it; `same` says which item of the list is meant.
template <class T, class Same>
Result<void> change(std::vector<T>& list, UpdateCommand command, const T& item, Same same, UpdateSection section,
                    const Network& network) {
  const auto found = std::find_if(list.begin(), list.end(), same);
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorKind::Refused, fmt::format("network '{}' has {} {}", network.name, why, name_of(section)));
  };
  switch (command) {
    case UpdateCommand::AddFirst:
    case UpdateCommand::AddLast:
      if (found != list.end()) return refuse("already such an");
      list.insert(command == UpdateCommand::AddFirst ? list.begin() : list.end(), item);
      return {};
    case UpdateCommand::Delete:
      if (found == list.end()) return refuse("no such");
      list.erase(found);
      return {};
    case UpdateCommand::Modify:
      if (found == list.end()) return refuse("no such");
      *found = item;
      return {};
  }
  return {};
}

/// A reservation is one of the same address, MAC, identifier or name; to delete it, all that is said must agree.
bool same_host(const DhcpHost& a, const DhcpHost& wanted, UpdateCommand command) {
  if (command == UpdateCommand::Delete)
    return (!wanted.mac || a.mac == wanted.mac) && (!wanted.ip || a.ip == wanted.ip) &&
           (wanted.name.empty() || a.name == wanted.name) && (wanted.id.empty() || a.id == wanted.id);
  if (wanted.mac && a.mac) return a.mac == wanted.mac;
  return (!wanted.id.empty() && a.id == wanted.id) || (!wanted.name.empty() && a.name == wanted.name) ||
         (command != UpdateCommand::Modify && wanted.ip && a.ip == wanted.ip);
}

/// The <ip> that is meant.
Result<NetworkIp*> ip_of(Network& network, const std::optional<IpAddress>& address, std::optional<std::size_t> parent) {
  if (parent) {
    if (*parent >= network.ips.size())
      return fail(ErrorKind::Invalid, fmt::format("network '{}' has no <ip> number {}", network.name, *parent));
    return &network.ips[*parent];
  }
  for (NetworkIp& ip : network.ips)
    if (address && ip.subnet().contains(*address)) return &ip;
  // Without an address, the one that has DHCP already.
  for (NetworkIp& ip : network.ips)
    if (!address && ip.dhcp) return &ip;
  return fail(ErrorKind::Refused, fmt::format("network '{}' has no <ip> that this belongs to", network.name));
}

}  // namespace

std::optional<UpdateCommand> update_command_from(std::string_view word) {
  if (word == "add" || word == "add-last") return UpdateCommand::AddLast;
  if (word == "add-first") return UpdateCommand::AddFirst;
  if (word == "delete") return UpdateCommand::Delete;
  if (word == "modify") return UpdateCommand::Modify;
  return std::nullopt;
}

std::optional<UpdateSection> update_section_from(std::string_view word) {
  const auto* found = std::find_if(kSections.begin(), kSections.end(), [&](const auto& s) { return s.name == word; });
  return found == kSections.end() ? std::nullopt : std::optional(found->section);
}

Result<void> update(Network& network, UpdateCommand command, UpdateSection section, const Network& part,
                    std::optional<std::size_t> parent) {
  const auto in_dns = [&](auto member, auto same) -> Result<void> {
    if (!network.dns) network.dns.emplace();
    const auto& item = ((*part.dns).*member).front();
    return change((*network.dns).*member, command, item, [&](const auto& other) { return same(other, item); }, section,
                  network);
  };
  switch (section) {
    case UpdateSection::IpDhcpHost: {
      const DhcpHost& host = part.ips.front().hosts.front();
      NWF_TRY(NetworkIp* const ip, ip_of(network, host.ip, parent));
      ip->dhcp = true;
      return change(
          ip->hosts, command, host, [&](const DhcpHost& other) { return same_host(other, host, command); }, section,
          network);
    }
    case UpdateSection::IpDhcpRange: {
      const DhcpRange& range = part.ips.front().ranges.front();
      if (command == UpdateCommand::Modify)
        return fail(ErrorKind::Invalid, "a range cannot be modified", "delete it and add another");
      NWF_TRY(NetworkIp* const ip, ip_of(network, range.start, parent));
      ip->dhcp = true;
      return change(
          ip->ranges, command, range,
          [&](const DhcpRange& other) { return other.start == range.start && other.end == range.end; }, section,
          network);
    }
    case UpdateSection::DnsHost:
      return in_dns(&Dns::hosts, [](const DnsHost& a, const DnsHost& b) { return a.ip == b.ip; });
    case UpdateSection::DnsTxt:
      return in_dns(&Dns::texts, [](const DnsText& a, const DnsText& b) { return a.name == b.name; });
    case UpdateSection::DnsSrv:
      return in_dns(&Dns::services, [](const DnsService& a, const DnsService& b) {
        return a.service == b.service && a.protocol == b.protocol && a.domain == b.domain && a.target == b.target;
      });
    case UpdateSection::ForwardInterface: {
      if (!network.forward) return fail(ErrorKind::Refused, fmt::format("network '{}' has no <forward>", network.name));
      const std::string& dev = part.forward->devices.front();
      return change(
          network.forward->devices, command, dev, [&](const std::string& other) { return other == dev; }, section,
          network);
    }
    case UpdateSection::PortGroup: {
      const PortGroup& group = part.port_groups.front();
      return change(
          network.port_groups, command, group, [&](const PortGroup& other) { return other.name == group.name; },
          section, network);
    }
    case UpdateSection::PortForward: {
      const PortForward& forward = part.port_forwards.front();
      return change(
          network.port_forwards, command, forward,
          [&](const PortForward& other) {
            return other.protocol == forward.protocol && other.address == forward.address && other.dev == forward.dev &&
                   other.ports == forward.ports;
          },
          section, network);
    }
  }
  return {};
}

}  // namespace nwf
