// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include <algorithm>

#include "xml/escape.h"
#include "xml/network.h"

namespace nwf::xml {
namespace {

std::string_view yes_or_no(bool value) { return value ? "yes" : "no"; }

/// Writes elements, one a line, each two columns further in than its parent.
class Writer {
 public:
  /// ` name='value'`; nothing for an empty value.
  static std::string attribute(std::string_view name, std::string_view value) {
    return value.empty() ? std::string() : fmt::format(" {}='{}'", name, escaped(value));
  }
  template <class T>
  static std::string number(std::string_view name, const std::optional<T>& value) {
    return value ? fmt::format(" {}='{}'", name, *value) : std::string();
  }
  static std::string yes_no(std::string_view name, const std::optional<bool>& value) {
    return value ? fmt::format(" {}='{}'", name, yes_or_no(*value)) : std::string();
  }

  void open(std::string_view name, const std::string& attributes = {}) {
    indent();
    out_ += fmt::format("<{}{}>\n", name, attributes);
    ++depth_;
  }
  void close(std::string_view name) {
    --depth_;
    indent();
    out_ += fmt::format("</{}>\n", name);
  }
  void empty(std::string_view name, const std::string& attributes = {}) {
    indent();
    out_ += fmt::format("<{}{}/>\n", name, attributes);
  }
  void text(std::string_view name, std::string_view text) {
    indent();
    out_ += fmt::format("<{0}>{1}</{0}>\n", name, escaped(text));
  }
  void raw(std::string_view text) {
    indent();
    out_ += text;
    out_ += '\n';
  }
  void kept(const KeptElement& element) {
    std::string attributes;
    for (const auto& [name, value] : element.attributes) attributes += fmt::format(" {}='{}'", name, escaped(value));
    if (element.children.empty() && element.text.empty()) return empty(element.name, attributes);
    if (element.children.empty()) {
      indent();
      out_ += fmt::format("<{0}{1}>{2}</{0}>\n", element.name, attributes, escaped(element.text));
      return;
    }
    open(element.name, attributes);
    for (const KeptElement& child : element.children) kept(child);
    close(element.name);
  }
  std::string take() { return std::move(out_); }

 private:
  void indent() { out_.append(depth_ * 2, ' '); }
  std::string out_;
  std::size_t depth_ = 0;
};

void write_nat(const Nat& nat, Writer& w) {
  const std::string attributes = nat.ipv6 ? " ipv6='yes'" : "";
  if (!nat.addresses && !nat.ports && nat.excluded.empty() && !nat.prefix) return w.empty("nat", attributes);
  w.open("nat", attributes);
  if (nat.addresses)
    w.empty("address", fmt::format(" start='{}' end='{}'", nat.addresses->start.text(), nat.addresses->end.text()));
  if (nat.ports) w.empty("port", fmt::format(" start='{}' end='{}'", nat.ports->start, nat.ports->end));
  for (const Subnet& subnet : nat.excluded)
    w.empty("nwf:exclude", fmt::format(" address='{}' prefix='{}'", subnet.address.text(), subnet.prefix));
  if (nat.prefix)
    w.empty("nwf:prefix", fmt::format(" address='{}' prefix='{}'", nat.prefix->address.text(), nat.prefix->prefix));
  w.close("nat");
}

void write_forward(const Forward& forward, Writer& w) {
  std::string attributes;
  if (!forward.devices.empty()) attributes += Writer::attribute("dev", forward.devices.front());
  attributes += Writer::attribute("mode", forward_mode_name(forward.mode));
  if (forward.managed) attributes += Writer::attribute("managed", *forward.managed);
  if (!forward.nat && forward.devices.empty() && forward.pool.empty()) return w.empty("forward", attributes);
  w.open("forward", attributes);
  for (const KeptElement& element : forward.pool) w.kept(element);
  if (forward.nat) write_nat(*forward.nat, w);
  for (const std::string& dev : forward.devices) w.empty("interface", Writer::attribute("dev", dev));
  w.close("forward");
}

void write_bridge(const Network& network, Writer& w) {
  const BridgeSettings& bridge = network.bridge;
  std::string attributes = Writer::attribute("name", bridge.name);
  if (has_own_bridge(network.mode()))
    attributes += fmt::format(" stp='{}' delay='{}'", bridge.stp ? "on" : "off", bridge.delay_seconds.value_or(0));
  attributes += Writer::attribute("zone", bridge.zone);
  if (!bridge.kernel_mac_table) attributes += " macTableManager='libvirt'";
  if (!attributes.empty()) w.empty("bridge", attributes);
}

void write_dns(const Dns& dns, Writer& w) {
  std::string attributes;
  if (dns.enable_written) attributes += fmt::format(" enable='{}'", yes_or_no(dns.enable));
  if (dns.forward_plain_names_written)
    attributes += fmt::format(" forwardPlainNames='{}'", yes_or_no(dns.forward_plain_names));
  if (dns.forwarders.empty() && dns.texts.empty() && dns.services.empty() && dns.hosts.empty())
    return w.empty("dns", attributes);
  w.open("dns", attributes);
  for (const DnsForwarder& f : dns.forwarders)
    w.empty("forwarder", Writer::attribute("domain", f.domain) +
                             (f.address ? Writer::attribute("addr", f.address->text()) : std::string()) +
                             Writer::number("port", f.port));
  for (const DnsText& t : dns.texts)
    w.empty("txt", Writer::attribute("name", t.name) + Writer::attribute("value", t.value));
  for (const DnsService& s : dns.services)
    w.empty("srv", Writer::attribute("service", s.service) + Writer::attribute("protocol", s.protocol) +
                       Writer::attribute("domain", s.domain) + Writer::attribute("target", s.target) +
                       Writer::number("port", s.port) + Writer::number("priority", s.priority) +
                       Writer::number("weight", s.weight));
  for (const DnsHost& host : dns.hosts) {
    w.open("host", Writer::attribute("ip", host.ip.text()));
    for (const std::string& name : host.names) w.text("hostname", name);
    w.close("host");
  }
  w.close("dns");
}

void write_leased(std::string_view name, const std::string& attributes, const std::optional<DhcpLease>& lease,
                  Writer& w) {
  if (!lease) return w.empty(name, attributes);
  w.open(name, attributes);
  w.empty("lease", Writer::attribute("expiry", lease->expiry) + Writer::attribute("unit", lease->unit));
  w.close(name);
}

void write_ip(const NetworkIp& ip, Writer& w) {
  std::string attributes;
  if (ip.family_written || ip.address.is_ipv6())
    attributes += Writer::attribute("family", ip.address.is_ipv6() ? "ipv6" : "ipv4");
  attributes += Writer::attribute("address", ip.address.text());
  if (ip.netmask_written) attributes += Writer::attribute("netmask", ip.subnet().netmask().text());
  if (ip.prefix_written) attributes += fmt::format(" prefix='{}'", ip.prefix);
  if (ip.local_ptr) attributes += " localPtr='yes'";
  if (!ip.dhcp && ip.tftp_root.empty()) return w.empty("ip", attributes);
  w.open("ip", attributes);
  if (!ip.tftp_root.empty()) w.empty("tftp", Writer::attribute("root", ip.tftp_root));
  if (ip.dhcp && ip.ranges.empty() && ip.hosts.empty() && !ip.bootp) {
    w.empty("dhcp");
  } else if (ip.dhcp) {
    w.open("dhcp");
    for (const DhcpRange& range : ip.ranges)
      write_leased("range", fmt::format(" start='{}' end='{}'", range.start.text(), range.end.text()), range.lease, w);
    for (const DhcpHost& host : ip.hosts)
      write_leased("host",
                   Writer::attribute("id", host.id) +
                       (host.mac ? Writer::attribute("mac", host.mac->text()) : std::string()) +
                       Writer::attribute("name", host.name) +
                       (host.ip ? Writer::attribute("ip", host.ip->text()) : std::string()),
                   host.lease, w);
    if (ip.bootp)
      w.empty("bootp", Writer::attribute("file", ip.bootp->file) + Writer::attribute("server", ip.bootp->server));
    w.close("dhcp");
  }
  w.close("ip");
}

void write_route(const StaticRoute& route, Writer& w) {
  std::string attributes;
  if (route.to.is_ipv6()) attributes += " family='ipv6'";
  attributes += Writer::attribute("address", route.to.address.text());
  if (route.netmask_written)
    attributes += Writer::attribute("netmask", route.to.netmask().text());
  else
    attributes += fmt::format(" prefix='{}'", route.to.prefix);
  attributes += Writer::attribute("gateway", route.gateway.text()) + Writer::number("metric", route.metric);
  w.empty("route", attributes);
}

void write_filter(const std::optional<FilterRef>& filter, Writer& w) {
  if (!filter) return;
  const std::string attributes = Writer::attribute("filter", filter->filter);
  if (filter->parameters.empty()) return w.empty("filterref", attributes);
  w.open("filterref", attributes);
  for (const auto& [name, values] : filter->parameters)
    for (const std::string& value : values)
      w.empty("parameter", Writer::attribute("name", name) + Writer::attribute("value", value));
  w.close("filterref");
}

void write_port_group(const PortGroup& group, Writer& w) {
  std::string attributes = Writer::attribute("name", group.name);
  if (group.is_default) attributes += " default='yes'";
  attributes += Writer::yes_no("trustGuestRxFilters", group.trust_rx_filters);
  if (group.kept.empty() && !group.isolated && !group.filter) return w.empty("portgroup", attributes);
  w.open("portgroup", attributes);
  for (const KeptElement& element : group.kept) w.kept(element);
  if (group.isolated) w.empty("port", Writer::yes_no("isolated", group.isolated));
  write_filter(group.filter, w);
  w.close("portgroup");
}

void write_additions(const Network& network, Writer& w) {
  for (const PortForward& f : network.port_forwards) {
    std::string attributes = Writer::attribute("proto", f.protocol);
    if (f.address) attributes += Writer::attribute("address", f.address->text());
    attributes += Writer::attribute("dev", f.dev);
    attributes += fmt::format(" start='{}'", f.ports.start);
    if (f.ports.end != f.ports.start) attributes += fmt::format(" end='{}'", f.ports.end);
    attributes += Writer::attribute("to", f.to.text());
    if (f.to_start != f.ports.start) attributes += fmt::format(" to-start='{}'", f.to_start);
    w.empty("nwf:port-forward", attributes);
  }
  for (const Peer& peer : network.peers) {
    std::string attributes = Writer::attribute("network", peer.network);
    if (!peer.in || !peer.out) attributes += fmt::format(" direction='{}'", peer.in ? "in" : "out");
    if (!peer.nat) attributes += " nat='no'";
    w.empty("nwf:peer", attributes);
  }
  if (network.host_access) {
    const HostAccess& access = *network.host_access;
    std::string services;
    for (const auto& [is, name] : {std::pair{access.dhcp, "dhcp"}, {access.dns, "dns"}, {access.all, "all"}})
      if (is) services += (services.empty() ? "" : ",") + std::string(name);
    w.empty("nwf:host", Writer::attribute("services", services.empty() ? "none" : services));
  }
  if (network.accept_mark) w.empty("nwf:accept", fmt::format(" mark='0x{:x}'", *network.accept_mark));
  if (network.cooperates) w.empty("nwf:cooperate", {});
  if (!network.proxy_arp.empty()) w.empty("nwf:proxy-arp", Writer::attribute("dev", network.proxy_arp));
  if (network.overlap_allowed) w.empty("nwf:overlap", " allow='yes'");
  write_filter(network.filter, w);
}

bool uses_own_elements(const Network& network) {
  const bool nat = network.forward && network.forward->nat &&
                   (!network.forward->nat->excluded.empty() || network.forward->nat->prefix);
  return nat || !network.port_forwards.empty() || !network.peers.empty() || network.host_access ||
         network.accept_mark || network.cooperates || !network.proxy_arp.empty() || network.overlap_allowed;
}

/// The declarations of the text, and those that its elements need.
std::string namespaces(const Network& network) {
  auto all = network.namespaces;
  const auto need = [&](std::string_view prefix, std::string_view address) {
    if (std::none_of(all.begin(), all.end(), [&](const auto& declared) { return declared.first == prefix; }))
      all.emplace_back(prefix, address);
  };
  if (!network.dnsmasq_options.empty()) need("dnsmasq", kDnsmasqNamespace);
  if (uses_own_elements(network)) need("nwf", kNwfNamespace);
  std::string text;
  for (const auto& [prefix, address] : all)
    text += fmt::format(" xmlns{}{}='{}'", prefix.empty() ? "" : ":", prefix, escaped(address));
  return text;
}

}  // namespace

std::string write_network(const Network& network) {
  Writer w;
  w.open("network", namespaces(network) + Writer::yes_no("ipv6", network.ipv6) +
                        Writer::yes_no("trustGuestRxFilters", network.trust_rx_filters));
  w.text("name", network.name);
  if (network.uuid) w.text("uuid", network.uuid->text());
  if (!network.title.empty()) w.text("title", network.title);
  if (!network.description.empty()) w.text("description", network.description);
  if (!network.metadata.empty()) w.raw(network.metadata);
  if (network.forward) write_forward(*network.forward, w);
  write_bridge(network, w);
  if (network.mtu) w.empty("mtu", Writer::number("size", network.mtu));
  if (network.mac) w.empty("mac", Writer::attribute("address", network.mac->text()));
  if (network.domain) {
    std::string attributes = Writer::attribute("name", network.domain->name);
    if (network.domain->local_only_written)
      attributes += fmt::format(" localOnly='{}'", yes_or_no(network.domain->local_only));
    w.empty("domain", attributes + Writer::yes_no("register", network.domain->enroll));
  }
  if (network.dns) write_dns(*network.dns, w);
  for (const KeptElement& element : network.kept) w.kept(element);
  if (network.isolated_ports) w.empty("port", Writer::yes_no("isolated", network.isolated_ports));
  for (const NetworkIp& ip : network.ips) write_ip(ip, w);
  for (const StaticRoute& route : network.routes) write_route(route, w);
  for (const PortGroup& group : network.port_groups) write_port_group(group, w);
  write_additions(network, w);
  if (!network.dnsmasq_options.empty()) {
    w.open("dnsmasq:options");
    for (const std::string& option : network.dnsmasq_options)
      w.empty("dnsmasq:option", Writer::attribute("value", option));
    w.close("dnsmasq:options");
  }
  w.close("network");
  return w.take();
}

}  // namespace nwf::xml
