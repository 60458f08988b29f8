// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/proxy_arp.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <sstream>

#include "netlink/proxies.h"
#include "netlink/sysctl.h"

namespace nwf::host {
namespace {

using store::Shelf;
using Addresses = std::vector<IpAddress>;

constexpr std::string_view kProxied = "proxied.";

std::string document(const Network& network) { return std::string(kProxied) + network.name; }
std::string switch_of(const std::string& interface) { return fmt::format("net/ipv6/conf/{}/proxy_ndp", interface); }
std::string switch_document(const std::string& interface) { return "proxy_ndp." + interface; }

/// On which interface we answer, or are about to, and for whom.
struct Record {
  std::string interface;
  Addresses addresses;
};

std::string text_of(const Record& record) {
  std::string text = record.interface + "\n";
  for (const IpAddress& address : record.addresses) text += address.text() + "\n";
  return text;
}

Record record_of(const std::string& text) {
  Record record;
  std::istringstream lines(text);
  std::getline(lines, record.interface);
  for (std::string line; std::getline(lines, line);)
    if (const auto address = IpAddress::parse(line)) record.addresses.push_back(*address);
  std::sort(record.addresses.begin(), record.addresses.end());
  return record;
}

Addresses without(const Addresses& all, const Addresses& some) {
  Addresses left;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::back_inserter(left));
  return left;
}

Addresses both(const Addresses& one, const Addresses& other) {
  Addresses all;
  std::set_union(one.begin(), one.end(), other.begin(), other.end(), std::back_inserter(all));
  return all;
}

}  // namespace

Result<void> ProxyArp::bring(const Network& network, const Addresses& guests) {
  NWF_TRY(const auto text, store_.get(Shelf::State, document(network)));
  if (network.proxy_arp.empty()) return text ? take_away(network) : Result<void>{};
  const Record before = text ? record_of(*text) : Record{network.proxy_arp, {}};
  const Record now{network.proxy_arp, guests};
  if (!text || before.addresses != guests)
    NWF_CHECK(store_.put(Shelf::State, document(network), text_of({now.interface, both(before.addresses, guests)})));
  NWF_TRY(const auto socket, netlink::open_route_socket());
  if (network.has_ipv6()) NWF_CHECK(answer_discovery(now.interface));
  NWF_TRY(const Addresses answered, netlink::proxies_of(socket.get(), now.interface));
  NWF_TRY(const Addresses routed, netlink::host_routes_of(socket.get(), network.bridge.name));
  // First the way there, then the answer that leads others to it; the other way round when they go.
  for (const IpAddress& address : without(guests, routed))
    NWF_CHECK(netlink::add_host_route(socket.get(), network.bridge.name, address));
  for (const IpAddress& address : without(guests, answered))
    NWF_CHECK(netlink::add_proxy(socket.get(), now.interface, address));
  for (const IpAddress& address : without(before.addresses, guests))
    NWF_CHECK(netlink::remove_proxy(socket.get(), now.interface, address));
  for (const IpAddress& address : without(routed, guests))
    NWF_CHECK(netlink::remove_host_route(socket.get(), network.bridge.name, address));
  if (without(before.addresses, guests).empty()) return {};
  return store_.put(Shelf::State, document(network), text_of(now));
}

Result<void> ProxyArp::take_away(const Network& network) {
  NWF_TRY(const auto text, store_.get(Shelf::State, document(network)));
  if (!text) return {};
  const Record record = record_of(*text);
  NWF_TRY(const auto socket, netlink::open_route_socket());
  std::optional<Error> failure;
  for (const IpAddress& address : record.addresses) {
    auto removed = netlink::remove_proxy(socket.get(), record.interface, address);
    if (!removed && !failure) failure = std::move(removed).error();
    removed = netlink::remove_host_route(socket.get(), network.bridge.name, address);
    if (!removed && !failure) failure = std::move(removed).error();
  }
  if (failure) return fail(std::move(*failure));
  NWF_CHECK(answer_discovery_no_more(record.interface, document(network)));
  return store_.remove(Shelf::State, document(network));
}

Result<std::vector<std::string>> ProxyArp::differences(const Network& network, const Addresses& guests) {
  std::vector<std::string> words;
  if (network.proxy_arp.empty()) return words;
  NWF_TRY(const auto socket, netlink::open_route_socket());
  const auto answered = netlink::proxies_of(socket.get(), network.proxy_arp);
  if (!answered) {
    words.push_back(fmt::format("network {} has lost interface {}", network.name, network.proxy_arp));
    return words;
  }
  NWF_TRY(const Addresses routed, netlink::host_routes_of(socket.get(), network.bridge.name));
  for (const IpAddress& address : without(guests, *answered))
    words.push_back(
        fmt::format("network {}: nobody answers for {} on {}", network.name, address.text(), network.proxy_arp));
  for (const IpAddress& address : without(guests, routed))
    words.push_back(fmt::format("network {}: no route leads to {}", network.name, address.text()));
  return words;
}

/// The kernel answers neighbour discovery by its proxy entries where this switch is on; without any it answers nothing.
Result<void> ProxyArp::answer_discovery(const std::string& interface) {
  NWF_TRY(const auto value, netlink::read_sysctl(switch_of(interface)));
  if (!value || *value == "1") return {};
  NWF_CHECK(store_.put(Shelf::State, switch_document(interface), *value));
  return netlink::write_sysctl(switch_of(interface), "1");
}

Result<void> ProxyArp::answer_discovery_no_more(const std::string& interface, const std::string& document) {
  NWF_TRY(const auto before, store_.get(Shelf::State, switch_document(interface)));
  if (!before) return {};
  NWF_TRY(const auto names, store_.list(Shelf::State));
  for (const std::string& name : names) {
    if (!name.starts_with(kProxied) || name == document) continue;
    NWF_TRY(const auto other, store_.get(Shelf::State, name));
    if (other && record_of(*other).interface == interface) return {};
  }
  NWF_TRY(const auto value, netlink::read_sysctl(switch_of(interface)));
  if (value && *value != *before) NWF_CHECK(netlink::write_sysctl(switch_of(interface), *before));
  return store_.remove(Shelf::State, switch_document(interface));
}

}  // namespace nwf::host
