// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "engine/utf8.h"
#include "xml/document.h"
#include "xml/network_parts.h"
#include "xml/parameters.h"
#include "xml/suggest.h"
#include "xml/values.h"

namespace nwf::xml {
namespace {

constexpr std::size_t kMaxOption = 4096;

class Reader {
 public:
  Reader(std::string_view text, Network& network, Mistakes& mistakes)
      : text_(text), network_(network), mistakes_(mistakes) {}

  void read(const Element& root) {
    network_.source = root.source;
    check_attributes(root, {"ipv6", "trustGuestRxFilters", "connections"}, mistakes_);
    network_.ipv6 = yes_no(root, "ipv6", mistakes_);
    network_.trust_rx_filters = yes_no(root, "trustGuestRxFilters", mistakes_);
    for (const XmlAttribute& declared : root.namespaces) {
      network_.namespaces.emplace_back(declared.name, declared.value);
      check_namespace(root, declared);
    }
    for (const Element& child : root.children) {
      for (const XmlAttribute& declared : child.namespaces)
        if (child.name != "metadata") check_namespace(child, declared);
      one(child);
    }
    if (network_.name.empty() && !seen("name"))
      mistakes_.add(root.source, "<network> has no <name>", "add <name>default</name>");
  }

 private:
  void one(const Element& child) {
    using Read = void (Reader::*)(const Element&);
    struct Row {
      std::string_view name;
      Read read;
      bool many;
    };
    static constexpr std::array kRows{
        Row{"name", &Reader::name, false},
        Row{"uuid", &Reader::uuid, false},
        Row{"title", &Reader::title, false},
        Row{"description", &Reader::description, false},
        Row{"metadata", &Reader::metadata, false},
        Row{"forward", &Reader::forward, false},
        Row{"bridge", &Reader::bridge, false},
        Row{"mtu", &Reader::mtu, false},
        Row{"mac", &Reader::mac, false},
        Row{"domain", &Reader::domain, false},
        Row{"dns", &Reader::dns, false},
        Row{"ip", &Reader::ip, true},
        Row{"route", &Reader::route, true},
        Row{"portgroup", &Reader::port_group, true},
        Row{"virtualport", &Reader::kept, false},
        Row{"vlan", &Reader::vlan, false},
        Row{"bandwidth", &Reader::bandwidth, false},
        Row{"port", &Reader::port, false},
        Row{"dnsmasq:options", &Reader::dnsmasq_options, false},
        Row{"nwf:port-forward", &Reader::port_forward, true},
        Row{"nwf:peer", &Reader::peer, true},
        Row{"nwf:host", &Reader::host, false},
        Row{"nwf:accept", &Reader::accept, false},
        Row{"nwf:cooperate", &Reader::cooperate, false},
        Row{"nwf:proxy-arp", &Reader::proxy_arp, false},
        Row{"nwf:overlap", &Reader::overlap, false},
        Row{"filterref", &Reader::filterref, false},
    };
    const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.name == child.name; });
    if (row == kRows.end()) {
      std::vector<std::string_view> names;
      for (const Row& known : kRows) names.push_back(known.name);
      mistakes_.add(child.source, fmt::format("<network> cannot hold <{}>", shown(child.name)),
                    nearest(child.name, names).empty() ? std::string() : did_you_mean(child.name, names));
      return;
    }
    if (!row->many && seen(row->name)) {
      mistakes_.add(child.source, fmt::format("a second <{}>", row->name), "remove it");
      return;
    }
    seen_.push_back(row->name);
    (this->*row->read)(child);
  }

  bool seen(std::string_view name) const { return std::find(seen_.begin(), seen_.end(), name) != seen_.end(); }

  /// A prefix that we read by must stand for what we take it for.
  void check_namespace(const Element& where, const XmlAttribute& declared) {
    const std::string_view meant = declared.name == "nwf"       ? kNwfNamespace
                                   : declared.name == "dnsmasq" ? kDnsmasqNamespace
                                                                : std::string_view();
    if (!meant.empty() && declared.value != meant)
      mistakes_.add(where.source, fmt::format("the prefix {} stands for '{}'", declared.name, shown(declared.value)),
                    fmt::format("write xmlns:{}='{}'", declared.name, meant));
  }

  void name(const Element& e) {
    if (!is_network_name(e.text))
      mistakes_.add(e.source, fmt::format("invalid character in name '{}', or its length", shown(e.text)),
                    "use 1 to 200 characters, none of them '/', ',' or a control character");
    else
      network_.name = e.text;
  }
  void uuid(const Element& e) {
    network_.uuid = Uuid::parse(e.text);
    if (!network_.uuid)
      mistakes_.add(e.source, fmt::format("'{}' is not a UUID", shown(e.text)),
                    "write 32 hexadecimal digits as 8-4-4-4-12, or leave <uuid> out to get a new one");
  }
  void title(const Element& e) {
    if (e.text.find('\n') != std::string::npos)
      mistakes_.add(e.source, "<title> has more than one line", "put the text in <description>");
    network_.title = e.text;
  }
  void description(const Element& e) { network_.description = e.text; }
  void metadata(const Element& e) {
    if (e.end <= e.begin) {
      mistakes_.add(e.source, "<metadata> can be kept only when the text is UTF-8", "write it in UTF-8");
      return;
    }
    network_.metadata = std::string(text_.substr(e.begin, e.end - e.begin));
  }
  void forward(const Element& e) { read_forward(e, network_, mistakes_); }
  void bridge(const Element& e) {
    check_attributes(e, {"name", "stp", "delay", "zone", "macTableManager"}, mistakes_);
    BridgeSettings& bridge = network_.bridge;
    if (const std::string* given = e.attribute("name")) {
      // "virbr%d" asks for a name, as an empty one does.
      const bool pattern = given->find("%d") != std::string::npos;
      std::string tried = *given;
      if (pattern) tried.erase(tried.find('%'), 2).append("0");
      if (!PortName::parse(tried) || tried.find('%') != std::string::npos)
        mistakes_.add(e.source, fmt::format("'{}' cannot be the name of a bridge", shown(*given)),
                      "use 1 to 15 characters, none of them '/', ':', '%' or a blank");
      else
        bridge.name = *given;
    }
    const auto stp = on_off(e, "stp", mistakes_);
    bridge.stp_given = stp.has_value();
    bridge.stp = stp.value_or(true);
    if (const auto delay = number(e, "delay", 0, 30, mistakes_)) bridge.delay_seconds = static_cast<unsigned>(*delay);
    if (const std::string* zone = e.attribute("zone")) bridge.zone = *zone;
    if (const std::string* manager = e.attribute("macTableManager")) {
      if (*manager != "kernel" && *manager != "libvirt")
        mistakes_.add(e.source, fmt::format("macTableManager='{}'", shown(*manager)), "write 'kernel' or 'libvirt'");
      bridge.kernel_mac_table = *manager != "libvirt";
    }
  }
  void mtu(const Element& e) {
    check_attributes(e, {"size"}, mistakes_);
    required(e, "size", "add size='1500'", mistakes_);
    if (const auto size = number(e, "size", 68, 65535, mistakes_)) network_.mtu = static_cast<unsigned>(*size);
  }
  void mac(const Element& e) {
    check_attributes(e, {"address"}, mistakes_);
    const std::string* address = required(e, "address", "add address='52:54:00:ab:cd:ef'", mistakes_);
    if (address == nullptr) return;
    network_.mac = Mac::parse(*address);
    if (!network_.mac)
      mistakes_.add(e.source, fmt::format("'{}' is not a MAC address", shown(*address)), "write 52:54:00:ab:cd:ef");
    else if (network_.mac->is_multicast())
      mistakes_.add(e.source, fmt::format("{} is a multicast address", network_.mac->text()),
                    "make the first group even");
  }
  void domain(const Element& e) {
    check_attributes(e, {"name", "localOnly", "register"}, mistakes_);
    const std::string* given = required(e, "name", "add name='example.org'", mistakes_);
    Domain domain;
    const auto local = yes_no(e, "localOnly", mistakes_);
    domain.local_only_written = local.has_value();
    domain.local_only = local.value_or(false);
    domain.enroll = yes_no(e, "register", mistakes_);
    if (given == nullptr) return;
    const bool good =
        given->size() <= 253 && given->front() != '-' && std::all_of(given->begin(), given->end(), [](unsigned char c) {
          return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
        });
    if (!good)
      mistakes_.add(e.source, fmt::format("'{}' cannot be a domain", shown(*given)),
                    "use letters, digits, '-' and '.'");
    domain.name = *given;
    network_.domain = std::move(domain);
  }
  void dns(const Element& e) { read_dns(e, network_, mistakes_); }
  void ip(const Element& e) { read_ip(e, network_, mistakes_); }
  void route(const Element& e) {
    check_attributes(e, {"family", "address", "netmask", "prefix", "gateway", "metric"}, mistakes_);
    required(e, "address", "add address='192.168.222.0'", mistakes_);
    required(e, "gateway", "add gateway='192.168.122.2'", mistakes_);
    const auto address = ip_address(e, "address", mistakes_), gateway = ip_address(e, "gateway", mistakes_);
    const auto metric = number(e, "metric", 1, 0xffffffffU, mistakes_);
    if (!address || !gateway) return;
    const std::string* family = e.attribute("family");
    if (address->is_ipv6() != (family != nullptr && *family == "ipv6"))
      mistakes_.add(e.source, fmt::format("family of <route> does not go with {}", address->text()),
                    address->is_ipv6() ? "add family='ipv6'" : "remove it");
    if (address->is_ipv6() != gateway->is_ipv6()) {
      mistakes_.add(e.source, "address and gateway of <route> are of different families");
      return;
    }
    const auto prefix = prefix_length(e, address->is_ipv6(), mistakes_);
    StaticRoute route;
    route.source = e.source;
    route.to = Subnet::of(*address, prefix.value_or(address->bits()));
    if (route.to.address != *address)
      mistakes_.add(e.source,
                    fmt::format("{} is not the start of a network of {} bits", address->text(), route.to.prefix),
                    fmt::format("write address='{}'", route.to.address.text()));
    route.gateway = *gateway;
    route.netmask_written = e.attribute("netmask") != nullptr;
    if (metric) route.metric = static_cast<unsigned>(*metric);
    network_.routes.push_back(std::move(route));
  }
  void port_group(const Element& e) { read_port_group(e, network_, mistakes_); }
  void kept(const Element& e) { network_.kept.push_back(keep(e)); }
  void vlan(const Element& e) {
    check_attributes(e, {"trunk"}, mistakes_);
    yes_no(e, "trunk", mistakes_);
    for (const Element& tag : e.children) {
      if (tag.name != "tag") {
        mistakes_.add(tag.source, fmt::format("<vlan> cannot hold <{}>", shown(tag.name)),
                      did_you_mean(tag.name, {"tag"}));
        continue;
      }
      required(tag, "id", "add id='42'", mistakes_);
      number(tag, "id", 0, 4095, mistakes_);
    }
    if (e.children.empty()) mistakes_.add(e.source, "<vlan> has no <tag>", "add <tag id='42'/>");
    kept(e);
  }
  void bandwidth(const Element& e) {
    for (const Element& child : e.children) {
      if (child.name != "inbound" && child.name != "outbound") {
        mistakes_.add(child.source, fmt::format("<bandwidth> cannot hold <{}>", shown(child.name)),
                      did_you_mean(child.name, {"inbound", "outbound"}));
        continue;
      }
      check_attributes(child, {"average", "peak", "burst", "floor"}, mistakes_);
      for (const std::string_view attribute : {"average", "peak", "burst", "floor"})
        number(child, attribute, 0, 0xffffffffU, mistakes_);
      if (child.name == "outbound" && child.attribute("floor") != nullptr)
        mistakes_.add(child.source, "floor is for <inbound> only", "remove it");
      if (child.attribute("average") == nullptr && child.attribute("floor") == nullptr)
        mistakes_.add(child.source, fmt::format("<{}> has no average", child.name), "add average='1000' (kB/s)");
    }
    kept(e);
  }
  void port(const Element& e) {
    check_attributes(e, {"isolated"}, mistakes_);
    network_.isolated_ports = yes_no(e, "isolated", mistakes_);
  }
  void dnsmasq_options(const Element& e) {
    for (const Element& child : e.children) {
      if (child.name != "dnsmasq:option") {
        mistakes_.add(child.source, fmt::format("<dnsmasq:options> cannot hold <{}>", shown(child.name)),
                      did_you_mean(child.name, {"dnsmasq:option"}));
        continue;
      }
      check_attributes(child, {"value"}, mistakes_);
      const std::string* value = required(child, "value", "add value='log-dhcp'", mistakes_);
      if (value == nullptr || has_control_character(child, "value", *value, mistakes_)) continue;
      if (value->size() > kMaxOption)
        mistakes_.add(child.source, fmt::format("an option of more than {} bytes", kMaxOption));
      else
        network_.dnsmasq_options.push_back(*value);
    }
  }
  void port_forward(const Element& e) { read_port_forward(e, network_, mistakes_); }
  void peer(const Element& e) {
    check_attributes(e, {"network", "direction", "nat"}, mistakes_);
    const std::string* other = required(e, "network", "add network='lab2'", mistakes_);
    Peer peer;
    peer.source = e.source;
    peer.nat = yes_no(e, "nat", mistakes_).value_or(true);
    if (const std::string* direction = e.attribute("direction")) {
      if (*direction != "in" && *direction != "out" && *direction != "both")
        mistakes_.add(e.source, fmt::format("direction='{}' of <nwf:peer>", shown(*direction)),
                      "write 'in', 'out' or 'both'");
      peer.in = *direction != "out";
      peer.out = *direction != "in";
    }
    if (other == nullptr) return;
    peer.network = *other;
    network_.peers.push_back(std::move(peer));
  }
  void host(const Element& e) {
    check_attributes(e, {"services"}, mistakes_);
    HostAccess access;
    std::string_view left = e.attribute("services") == nullptr ? std::string_view() : *e.attribute("services");
    if (e.attribute("services") == nullptr)
      mistakes_.add(e.source, "<nwf:host> has no services", "write services='dhcp,dns', 'none' or 'all'");
    while (!left.empty()) {
      const std::string_view word = left.substr(0, left.find(','));
      left.remove_prefix(std::min(left.size(), word.size() + 1));
      if (word == "dhcp")
        access.dhcp = true;
      else if (word == "dns")
        access.dns = true;
      else if (word == "all")
        access.all = true;
      else if (word != "none")
        mistakes_.add(e.source, fmt::format("'{}' is no service of <nwf:host>", shown(word)),
                      "write services='dhcp,dns', 'none' or 'all'");
    }
    network_.host_access = access;
  }
  void accept(const Element& e) {
    check_attributes(e, {"mark"}, mistakes_);
    if (required(e, "mark", "add mark='0x4000'", mistakes_) != nullptr)
      network_.accept_mark = mark(e, "mark", mistakes_);
  }
  void cooperate(const Element& e) {
    check_attributes(e, {}, mistakes_);
    network_.cooperates = true;
  }
  void proxy_arp(const Element& e) {
    check_attributes(e, {"dev"}, mistakes_);
    if (required(e, "dev", "add dev='eth0'", mistakes_) == nullptr) return;
    if (const auto dev = interface_name(e, "dev", mistakes_)) network_.proxy_arp = dev->text();
  }
  void overlap(const Element& e) {
    check_attributes(e, {"allow"}, mistakes_);
    network_.overlap_allowed = yes_no(e, "allow", mistakes_).value_or(false);
  }
  void filterref(const Element& e) { network_.filter = read_filterref(e, mistakes_); }

  std::string_view text_;
  Network& network_;
  Mistakes& mistakes_;
  std::vector<std::string_view> seen_;
};

}  // namespace

Result<Parsed<Network>> read_network(std::string_view text, const std::string& file) {
  NWF_TRY(const Element root, read_document(text, file));
  if (root.name != "network")
    return fail({ErrorKind::Invalid,
                 fmt::format("the document is a <{}>, not a <network>", shown(root.name)),
                 root.source,
                 "write <network><name>NAME</name>…</network>",
                 {}});
  Mistakes mistakes;
  Network network;
  Reader(text, network, mistakes).read(root);
  if (mistakes.none()) check_network(network, mistakes);
  if (!mistakes.none()) return fail(mistakes.take());
  return Parsed<Network>{std::move(network), mistakes.take_warnings()};
}

}  // namespace nwf::xml
