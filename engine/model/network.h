// SPDX-License-Identifier: GPL-2.0-or-later
// A virtual network as its XML says it: libvirt's <network>, with everything in it kept, and nwf's own additions.
//
// What is here is what was written, checked, with defaults only where libvirt writes them back itself. What the parts
// mean for links, rules and DHCP is worked out in engine/network/.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "engine/model/address.h"
#include "engine/model/filter.h"
#include "engine/model/ip.h"

namespace nwf {

/// <forward mode>; Isolated when there is no <forward>.
enum class ForwardMode : std::uint8_t { Isolated, Nat, Route, Open, Bridge, Private, Vepa, Passthrough, Hostdev };
std::string_view forward_mode_name(ForwardMode mode);
std::optional<ForwardMode> forward_mode_from(std::string_view name);
/// Modes whose bridge nwf makes, with addresses, rules and dnsmasq.
bool has_own_bridge(ForwardMode mode);

struct PortRange {
  std::uint16_t start = 0;
  std::uint16_t end = 0;
  friend auto operator<=>(const PortRange&, const PortRange&) = default;
};

struct AddressRange {
  IpAddress start;
  IpAddress end;
  friend auto operator<=>(const AddressRange&, const AddressRange&) = default;
};

/// nwf:port-forward: connections to the host's ports go to a guest.
struct PortForward {
  std::string protocol;              ///< tcp or udp
  std::optional<IpAddress> address;  ///< of the host, when not all of its own
  std::string dev;                   ///< the interface they come in by, when not any
  PortRange ports;
  IpAddress to;
  std::uint16_t to_start = 0;
  Source source = {};
};

/// nwf:peer: another network that this one may talk to.
struct Peer {
  std::string network;
  bool in = true;   ///< it may open connections to us
  bool out = true;  ///< we may open connections to it
  bool nat = true;  ///< false: addresses stay as they are between the two
  Source source = {};
};

struct Nat {
  bool ipv6 = false;
  std::optional<AddressRange> addresses;
  std::optional<PortRange> ports;
  std::vector<Subnet> excluded;  ///< nwf:exclude: destinations to which addresses stay as they are
  /// nwf:prefix: the IPv6 network that stands outside for the one inside, bit for bit (NPTv6)
  std::optional<Subnet> prefix;
};

/// A <driver>, <pf>, <address> of a pool of devices: kept, as its attributes.
struct KeptElement {
  std::string name;
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<KeptElement> children;
  std::string text;
  friend bool operator==(const KeptElement&, const KeptElement&) = default;
};

struct Forward {
  ForwardMode mode = ForwardMode::Isolated;
  std::vector<std::string> devices;  ///< dev and <interface dev>, once each, in order
  std::optional<Nat> nat;
  std::optional<std::string> managed;
  std::vector<KeptElement> pool;  ///< of modes that hand out devices
  Source source = {};
};

struct BridgeSettings {
  std::string name;  ///< empty: to be chosen
  bool stp = true;
  std::optional<unsigned> delay_seconds;
  std::string zone;
  bool kernel_mac_table = true;  ///< macTableManager
  bool stp_given = false;
};

struct DhcpLease {
  bool infinite = false;
  std::uint64_t seconds = 0;
  std::string expiry;  ///< as written
  std::string unit;    ///< as written; empty: minutes
  friend bool operator==(const DhcpLease&, const DhcpLease&) = default;
};

struct DhcpRange {
  IpAddress start;
  IpAddress end;
  std::optional<DhcpLease> lease;
  friend bool operator==(const DhcpRange&, const DhcpRange&) = default;
};

struct DhcpHost {
  std::optional<Mac> mac;
  std::string id;
  std::string name;
  std::optional<IpAddress> ip;
  std::optional<DhcpLease> lease;
  friend bool operator==(const DhcpHost&, const DhcpHost&) = default;
};

struct Bootp {
  std::string file;
  std::string server;
  friend bool operator==(const Bootp&, const Bootp&) = default;
};

struct NetworkIp {
  IpAddress address;  ///< the host's, on the bridge
  unsigned prefix = 0;
  bool netmask_written = false;  ///< written as a netmask, so written back as one
  bool prefix_written = false;
  bool local_ptr = false;
  bool family_written = false;
  std::string tftp_root;
  bool dhcp = false;  ///< there is a <dhcp>
  std::vector<DhcpRange> ranges;
  std::vector<DhcpHost> hosts;
  std::optional<Bootp> bootp;
  Source source = {};

  Subnet subnet() const { return Subnet::of(address, prefix); }
  bool has_dhcp() const { return !ranges.empty() || !hosts.empty(); }
};

struct StaticRoute {
  Subnet to;
  IpAddress gateway;
  std::optional<unsigned> metric;
  bool netmask_written = false;
  Source source = {};
};

struct DnsForwarder {
  std::optional<IpAddress> address;
  std::string domain;
  std::optional<std::uint16_t> port;
};
struct DnsText {
  std::string name, value;
  friend bool operator==(const DnsText&, const DnsText&) = default;
};
struct DnsService {
  std::string service, protocol, domain, target;
  std::optional<std::uint16_t> port, priority, weight;
  friend bool operator==(const DnsService&, const DnsService&) = default;
};
struct DnsHost {
  IpAddress ip;
  std::vector<std::string> names;
  friend bool operator==(const DnsHost&, const DnsHost&) = default;
};

struct Dns {
  bool enable = true;
  bool enable_written = false;
  bool forward_plain_names = true;
  bool forward_plain_names_written = false;
  std::vector<DnsForwarder> forwarders;
  std::vector<DnsText> texts;
  std::vector<DnsService> services;
  std::vector<DnsHost> hosts;
};

struct Domain {
  std::string name;
  bool local_only = false;
  bool local_only_written = false;
  std::optional<bool> enroll;  ///< register
};

/// The same filter with the same parameters, wherever the two are written.
bool operator==(const FilterRef& a, const FilterRef& b);

struct PortGroup {
  std::string name;
  bool is_default = false;
  std::optional<bool> trust_rx_filters;
  std::optional<bool> isolated;
  std::vector<KeptElement> kept;  ///< virtualport, bandwidth, vlan
  std::optional<FilterRef> filter = {};
  friend bool operator==(const PortGroup&, const PortGroup&) = default;
};

/// nwf:host: what guests reach of the host itself.
struct HostAccess {
  bool dhcp = false;
  bool dns = false;
  bool all = false;
};

struct Network {
  std::string name;
  std::optional<Uuid> uuid;
  std::string title, description;
  std::string metadata;                                         ///< the element as it stands in the text
  std::vector<std::pair<std::string, std::string>> namespaces;  ///< of the root: prefix, address
  std::optional<bool> ipv6;
  std::optional<bool> trust_rx_filters;
  std::optional<Forward> forward;
  BridgeSettings bridge;
  std::optional<unsigned> mtu;
  std::optional<Mac> mac;
  std::optional<Domain> domain;
  std::optional<Dns> dns;
  std::vector<NetworkIp> ips;
  std::vector<StaticRoute> routes;
  std::vector<PortGroup> port_groups;
  std::vector<KeptElement> kept;       ///< virtualport, vlan, bandwidth of the network itself
  std::optional<bool> isolated_ports;  ///< <port isolated>
  std::vector<std::string> dnsmasq_options;
  // nwf's own
  std::vector<PortForward> port_forwards;
  std::vector<Peer> peers;
  std::optional<HostAccess> host_access;
  std::optional<std::uint32_t> accept_mark;  ///< nwf:accept: bits set in the mark of what the network's rules let pass
  bool cooperates = false;  ///< nwf:cooperate: other firewalls are told to let pass what the network's rules let pass
  std::string proxy_arp;    ///< nwf:proxy-arp: the interface on which the host answers for guests' addresses
  bool overlap_allowed = false;
  std::optional<FilterRef> filter;  ///< of ports that have none of their own, nor their group
  Source source = {};

  ForwardMode mode() const { return forward ? forward->mode : ForwardMode::Isolated; }
  bool has_ipv4() const;
  bool has_ipv6() const;
  /// What a port of this group is bound to when it names no filter itself: the group's, else the network's. A port of
  /// no group (empty) is of the default group where there is one.
  std::optional<FilterRef> filter_of(std::string_view port_group) const;
  /// True when some port may get a filter from here.
  bool has_filter() const;
};

/// 1 to 200 bytes without '/', control characters, or what would be a special file name.
bool is_network_name(std::string_view name);

/// nwf's own elements are in this namespace, by the prefix `nwf`.
inline constexpr std::string_view kNwfNamespace = "https://nwf.dev/xmlns/network/1.0";
inline constexpr std::string_view kDnsmasqNamespace = "http://libvirt.org/schemas/network/dnsmasq/1.0";

}  // namespace nwf
