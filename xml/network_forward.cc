// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include <algorithm>

#include "engine/utf8.h"
#include "xml/network_parts.h"
#include "xml/parameters.h"
#include "xml/suggest.h"
#include "xml/values.h"

namespace nwf::xml {
namespace {

void read_nat_address(const Element& element, Nat& nat, Mistakes& mistakes) {
  check_attributes(element, {"start", "end"}, mistakes);
  const std::string* first = required(element, "start", "write start='203.0.113.10' end='203.0.113.12'", mistakes);
  const std::string* last = required(element, "end", "write start='203.0.113.10' end='203.0.113.12'", mistakes);
  if (first == nullptr || last == nullptr) return;
  const auto start = Ipv4::parse(*first), end = Ipv4::parse(*last);
  if (!start) mistakes.add(element.source, fmt::format("bad IPv4 start address '{}' in <address>", shown(*first)));
  if (!end) mistakes.add(element.source, fmt::format("bad IPv4 end address '{}' in <address>", shown(*last)));
  if (!start || !end) return;
  if (*end < *start)
    mistakes.add(element.source, fmt::format("the range {} to {} is reversed", start->text(), end->text()));
  else if (nat.addresses)
    mistakes.add(element.source, "a second <address> in <nat>", "remove it");
  else
    nat.addresses = {IpAddress(*start), IpAddress(*end)};
}

void read_nat_ports(const Element& element, Nat& nat, Mistakes& mistakes) {
  check_attributes(element, {"start", "end"}, mistakes);
  required(element, "start", "write start='1024' end='65535'", mistakes);
  required(element, "end", "write start='1024' end='65535'", mistakes);
  const auto start = number(element, "start", 0, 65535, mistakes), end = number(element, "end", 0, 65535, mistakes);
  if (!start || !end) return;
  // libvirt takes start='500' end='500' when it defines, and fails when it starts: said at once here.
  if (*end <= *start)
    mistakes.add(element.source, fmt::format("port range {} to {} of <nat> has no room", *start, *end),
                 "make 'end' greater than 'start'");
  else if (nat.ports)
    mistakes.add(element.source, "a second <port> in <nat>", "remove it");
  else
    nat.ports = {static_cast<std::uint16_t>(*start), static_cast<std::uint16_t>(*end)};
}

std::optional<Subnet> read_subnet(const Element& element, Mistakes& mistakes) {
  required(element, "address", "add address='10.0.0.0' prefix='8'", mistakes);
  const auto address = ip_address(element, "address", mistakes);
  if (!address) return std::nullopt;
  const auto prefix = prefix_length(element, address->is_ipv6(), mistakes);
  return Subnet::of(*address, prefix.value_or(address->bits()));
}

void read_nat(const Element& element, Forward& forward, Mistakes& mistakes) {
  check_attributes(element, {"ipv6"}, mistakes);
  if (forward.nat) {
    mistakes.add(element.source, "a second <nat>", "remove it");
    return;
  }
  Nat nat;
  nat.ipv6 = yes_no(element, "ipv6", mistakes).value_or(false);
  for (const Element& child : element.children) {
    if (child.name == "address") {
      read_nat_address(child, nat, mistakes);
    } else if (child.name == "port") {
      read_nat_ports(child, nat, mistakes);
    } else if (child.name == "nwf:exclude") {
      check_attributes(child, {"address", "netmask", "prefix"}, mistakes);
      if (const auto subnet = read_subnet(child, mistakes)) nat.excluded.push_back(*subnet);
    } else if (child.name == "nwf:prefix") {
      check_attributes(child, {"address", "prefix"}, mistakes);
      nat.prefix = read_subnet(child, mistakes);
      if (nat.prefix && !nat.prefix->is_ipv6())
        mistakes.add(child.source, "<nwf:prefix> stands for an IPv6 network", "use <address> for IPv4");
    } else {
      mistakes.add(child.source, fmt::format("<nat> cannot hold <{}>", shown(child.name)),
                   did_you_mean(child.name, {"address", "port", "nwf:exclude", "nwf:prefix"}));
    }
  }
  forward.nat = std::move(nat);
}

}  // namespace

KeptElement keep(const Element& element) {
  KeptElement kept{element.name, {}, {}, element.text};
  for (const XmlAttribute& attribute : element.attributes)
    kept.attributes.emplace_back(attribute.name, attribute.value);
  for (const Element& child : element.children) kept.children.push_back(keep(child));
  return kept;
}

void read_forward_interface(const Element& element, Forward& forward, Mistakes& mistakes) {
  check_attributes(element, {"dev", "connections"}, mistakes);
  if (required(element, "dev", "add dev='eth0'", mistakes) == nullptr) return;
  const auto dev = interface_name(element, "dev", mistakes);
  if (!dev) return;
  // libvirt's own dumpxml says the device twice, in forward@dev and here.
  if (std::find(forward.devices.begin(), forward.devices.end(), dev->text()) == forward.devices.end())
    forward.devices.push_back(dev->text());
}

void read_forward(const Element& element, Network& network, Mistakes& mistakes) {
  check_attributes(element, {"mode", "dev", "managed"}, mistakes);
  if (network.forward) {
    mistakes.add(element.source, "a second <forward>", "remove it");
    return;
  }
  Forward forward;
  forward.source = element.source;
  forward.mode = ForwardMode::Nat;
  if (const std::string* mode = element.attribute("mode")) {
    if (const auto known = forward_mode_from(*mode))
      forward.mode = *known;
    else
      mistakes.add(
          element.source, fmt::format("unknown forwarding type '{}'", shown(*mode)),
          did_you_mean(*mode, {"nat", "route", "open", "bridge", "private", "vepa", "passthrough", "hostdev"}));
  }
  if (const auto dev = interface_name(element, "dev", mistakes)) forward.devices.push_back(dev->text());
  if (const auto managed = yes_no(element, "managed", mistakes)) forward.managed = *managed ? "yes" : "no";
  std::vector<std::string_view> kinds;  // of pools: only one of them
  for (const Element& child : element.children) {
    if (child.name == "nat") {
      read_nat(child, forward, mistakes);
    } else if (child.name == "interface") {
      read_forward_interface(child, forward, mistakes);
      kinds.push_back("interface");
    } else if (child.name == "pf" || child.name == "address") {
      forward.pool.push_back(keep(child));
      kinds.push_back(child.name);
    } else if (child.name == "driver") {
      forward.pool.push_back(keep(child));
    } else {
      mistakes.add(child.source, fmt::format("<forward> cannot hold <{}>", shown(child.name)),
                   did_you_mean(child.name, {"nat", "interface", "pf", "address", "driver"}));
    }
  }
  if (std::any_of(kinds.begin(), kinds.end(), [&](std::string_view kind) { return kind != kinds.front(); }))
    mistakes.add(element.source, "<interface>, <address> and <pf> of <forward> exclude each other", "keep one kind");
  network.forward = std::move(forward);
}

void read_port_forward(const Element& element, Network& network, Mistakes& mistakes) {
  check_attributes(element, {"proto", "address", "dev", "start", "end", "to", "to-start"}, mistakes);
  PortForward forward;
  forward.source = element.source;
  const std::string* protocol = required(element, "proto", "add proto='tcp' or proto='udp'", mistakes);
  if (protocol != nullptr && *protocol != "tcp" && *protocol != "udp")
    mistakes.add(element.source, fmt::format("proto='{}' of <nwf:port-forward>", shown(*protocol)),
                 "write 'tcp' or 'udp'");
  required(element, "start", "add start='8080'", mistakes);
  required(element, "to", "add the guest's address: to='192.168.122.50'", mistakes);
  const auto start = number(element, "start", 1, 65535, mistakes), end = number(element, "end", 1, 65535, mistakes),
             to_start = number(element, "to-start", 1, 65535, mistakes);
  const auto to = ip_address(element, "to", mistakes);
  forward.address = ip_address(element, "address", mistakes);
  if (const auto dev = interface_name(element, "dev", mistakes)) forward.dev = dev->text();
  if (protocol == nullptr || !start || !to) return;
  const std::uint64_t last = end.value_or(*start), first_target = to_start.value_or(*start);
  if (last < *start || first_target + (last - *start) > 65535) {
    mistakes.add(element.source,
                 fmt::format("ports {} to {} cannot be forwarded to {} and on", *start, last, first_target));
    return;
  }
  if (forward.address && forward.address->is_ipv6() != to->is_ipv6()) {
    mistakes.add(element.source, "'address' and 'to' of <nwf:port-forward> are of different families");
    return;
  }
  forward.protocol = *protocol;
  forward.ports = {static_cast<std::uint16_t>(*start), static_cast<std::uint16_t>(last)};
  forward.to = *to;
  forward.to_start = static_cast<std::uint16_t>(first_target);
  network.port_forwards.push_back(std::move(forward));
}

void read_port_group(const Element& element, Network& network, Mistakes& mistakes) {
  check_attributes(element, {"name", "default", "trustGuestRxFilters"}, mistakes);
  PortGroup group;
  const std::string* name = required(element, "name", "add name='web'", mistakes);
  group.is_default = yes_no(element, "default", mistakes).value_or(false);
  group.trust_rx_filters = yes_no(element, "trustGuestRxFilters", mistakes);
  for (const Element& child : element.children) {
    if (child.name == "virtualport" || child.name == "bandwidth" || child.name == "vlan")
      group.kept.push_back(keep(child));
    else if (child.name == "port")
      group.isolated = yes_no(child, "isolated", mistakes);
    else if (child.name == "filterref" && group.filter)
      mistakes.add(child.source, "a second <filterref>", "write a filter that refers to both");
    else if (child.name == "filterref")
      group.filter = read_filterref(child, mistakes);
    else
      mistakes.add(child.source, fmt::format("<portgroup> cannot hold <{}>", shown(child.name)),
                   did_you_mean(child.name, {"virtualport", "bandwidth", "vlan", "port", "filterref"}));
  }
  if (name == nullptr) return;
  group.name = *name;
  for (const PortGroup& other : network.port_groups) {
    if (other.name == group.name)
      mistakes.add(element.source, fmt::format("a second <portgroup> '{}'", shown(group.name)), "rename it");
    if (other.is_default && group.is_default)
      mistakes.add(element.source,
                   fmt::format("two default port groups: '{}' and '{}'", shown(other.name), shown(group.name)),
                   "keep default='yes' in one");
  }
  network.port_groups.push_back(std::move(group));
}

}  // namespace nwf::xml
