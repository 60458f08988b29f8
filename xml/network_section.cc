// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "engine/utf8.h"
#include "xml/network.h"
#include "xml/network_parts.h"
#include "xml/parameters.h"
#include "xml/values.h"

namespace nwf::xml {
namespace {

std::string_view element_of(UpdateSection section) {
  switch (section) {
    case UpdateSection::IpDhcpHost:
    case UpdateSection::DnsHost:
      return "host";
    case UpdateSection::IpDhcpRange:
      return "range";
    case UpdateSection::DnsTxt:
      return "txt";
    case UpdateSection::DnsSrv:
      return "srv";
    case UpdateSection::ForwardInterface:
      return "interface";
    case UpdateSection::PortGroup:
      return "portgroup";
    case UpdateSection::PortForward:
      return "nwf:port-forward";
  }
  return {};
}

/// To delete a reservation it is enough to say who or which address is meant.
void read_host_to_delete(const Element& element, NetworkIp& ip, Mistakes& mistakes) {
  check_attributes(element, {"mac", "id", "name", "ip"}, mistakes);
  DhcpHost host;
  if (const std::string* mac = element.attribute("mac")) {
    host.mac = Mac::parse(*mac);
    if (!host.mac) mistakes.add(element.source, fmt::format("'{}' is not a MAC address", shown(*mac)));
  }
  host.ip = ip_address(element, "ip", mistakes);
  if (const std::string* name = element.attribute("name")) host.name = *name;
  if (const std::string* id = element.attribute("id")) host.id = *id;
  if (element.attributes.empty()) mistakes.add(element.source, "<host> names nobody", "add mac= or ip=");
  ip.hosts.push_back(std::move(host));
}

}  // namespace

Result<Network> read_section(UpdateSection section, UpdateCommand command, std::string_view text,
                             const std::string& file) {
  NWF_TRY(const Element root, read_document(text, file));
  if (root.name != element_of(section))
    return fail({ErrorKind::Invalid,
                 fmt::format("this section takes a <{}>, not a <{}>", element_of(section), shown(root.name)),
                 root.source,
                 {},
                 {}});
  Mistakes mistakes;
  Network part;
  switch (section) {
    case UpdateSection::IpDhcpHost: {
      const auto address = ip_address(root, "ip", mistakes);
      NetworkIp& ip = part.ips.emplace_back();
      if (command == UpdateCommand::Delete)
        read_host_to_delete(root, ip, mistakes);
      else
        read_dhcp_host(root, address && address->is_ipv6(), ip, mistakes);
      break;
    }
    case UpdateSection::IpDhcpRange:
      read_dhcp_range(root, part.ips.emplace_back(), mistakes);
      break;
    case UpdateSection::DnsHost:
    case UpdateSection::DnsTxt:
    case UpdateSection::DnsSrv:
      read_dns_child(root, part.dns.emplace(), mistakes);
      break;
    case UpdateSection::ForwardInterface:
      read_forward_interface(root, part.forward.emplace(), mistakes);
      break;
    case UpdateSection::PortGroup:
      read_port_group(root, part, mistakes);
      break;
    case UpdateSection::PortForward:
      read_port_forward(root, part, mistakes);
      break;
  }
  if (!mistakes.none()) return fail(mistakes.take());
  return part;
}

}  // namespace nwf::xml
