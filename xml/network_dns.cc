// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "engine/utf8.h"
#include "xml/network_parts.h"
#include "xml/parameters.h"
#include "xml/suggest.h"
#include "xml/values.h"

namespace nwf::xml {
namespace {

/// A name as a line of dnsmasq's configuration can hold it.
bool is_dns_name(std::string_view name) {
  return !name.empty() && name.size() <= 253 && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '*' || c >= 0x80;
         });
}

bool check_name(const Element& element, std::string_view what, const std::string* name, Mistakes& mistakes) {
  if (name == nullptr) return false;
  if (is_dns_name(*name)) return true;
  mistakes.add(element.source, fmt::format("'{}' cannot be {}", shown(*name), what),
               "use letters, digits, '-' and '.'");
  return false;
}

void read_forwarder(const Element& element, Dns& dns, Mistakes& mistakes) {
  check_attributes(element, {"addr", "domain", "port"}, mistakes);
  DnsForwarder forwarder;
  forwarder.address = ip_address(element, "addr", mistakes);
  if (const auto port = number(element, "port", 1, 65535, mistakes)) forwarder.port = static_cast<std::uint16_t>(*port);
  if (const std::string* domain = element.attribute("domain"))
    if (check_name(element, "a domain", domain, mistakes)) forwarder.domain = *domain;
  if (element.attribute("addr") == nullptr && element.attribute("domain") == nullptr)
    mistakes.add(element.source, "<forwarder> says neither addr nor domain", "add addr='192.0.2.53'");
  if (forwarder.port && !forwarder.address)
    mistakes.add(element.source, "port of <forwarder> needs an addr", "add addr='192.0.2.53'");
  dns.forwarders.push_back(std::move(forwarder));
}

void read_text(const Element& element, Dns& dns, Mistakes& mistakes) {
  check_attributes(element, {"name", "value"}, mistakes);
  const std::string* name = required(element, "name", "add name='example'", mistakes);
  const std::string* value = required(element, "value", "add value='…'", mistakes);
  if (name == nullptr || value == nullptr || !check_name(element, "the name of a text record", name, mistakes)) return;
  // A comma starts the record's next string: taken as it is, but no new line may come of it.
  if (!has_control_character(element, "value", *value, mistakes)) dns.texts.push_back({*name, *value});
}

void read_service(const Element& element, Dns& dns, Mistakes& mistakes) {
  check_attributes(element, {"service", "protocol", "domain", "target", "port", "priority", "weight"}, mistakes);
  DnsService service;
  const std::string* name = required(element, "service", "add service='ldap'", mistakes);
  const std::string* protocol = required(element, "protocol", "add protocol='tcp'", mistakes);
  if (check_name(element, "a service", name, mistakes)) service.service = *name;
  if (protocol != nullptr && *protocol != "tcp" && *protocol != "udp")
    mistakes.add(element.source, fmt::format("protocol='{}' of <srv>", shown(*protocol)), "write 'tcp' or 'udp'");
  else if (protocol != nullptr)
    service.protocol = *protocol;
  if (const std::string* domain = element.attribute("domain"))
    if (check_name(element, "a domain", domain, mistakes)) service.domain = *domain;
  if (const std::string* target = element.attribute("target"))
    if (check_name(element, "a target", target, mistakes)) service.target = *target;
  const auto small = [&](std::string_view attribute, std::uint64_t least) {
    const auto value = number(element, attribute, least, 65535, mistakes);
    if (value && element.attribute("target") == nullptr)
      mistakes.add(element.source, fmt::format("{} of <srv> needs a target", attribute), "add target='host.example'");
    return value ? std::optional<std::uint16_t>(static_cast<std::uint16_t>(*value)) : std::nullopt;
  };
  service.port = small("port", 1);
  service.priority = small("priority", 0);
  service.weight = small("weight", 0);
  dns.services.push_back(std::move(service));
}

void read_host(const Element& element, Dns& dns, Mistakes& mistakes) {
  check_attributes(element, {"ip"}, mistakes);
  required(element, "ip", "add ip='192.168.122.10'", mistakes);
  const auto address = ip_address(element, "ip", mistakes);
  DnsHost host;
  for (const Element& child : element.children) {
    if (child.name != "hostname")
      mistakes.add(child.source, fmt::format("<host> of <dns> cannot hold <{}>", shown(child.name)),
                   did_you_mean(child.name, {"hostname"}));
    else if (check_name(child, "a host's name", &child.text, mistakes))
      host.names.push_back(child.text);
  }
  if (element.children.empty())
    mistakes.add(element.source, "<host> of <dns> has no <hostname>", "add <hostname>web</hostname>");
  if (!address) return;
  host.ip = *address;
  dns.hosts.push_back(std::move(host));
}

}  // namespace

void read_dns_child(const Element& element, Dns& dns, Mistakes& mistakes) {
  if (element.name == "forwarder")
    read_forwarder(element, dns, mistakes);
  else if (element.name == "txt")
    read_text(element, dns, mistakes);
  else if (element.name == "srv")
    read_service(element, dns, mistakes);
  else if (element.name == "host")
    read_host(element, dns, mistakes);
  else
    mistakes.add(element.source, fmt::format("<dns> cannot hold <{}>", shown(element.name)),
                 did_you_mean(element.name, {"forwarder", "txt", "srv", "host"}));
}

void read_dns(const Element& element, Network& network, Mistakes& mistakes) {
  check_attributes(element, {"enable", "forwardPlainNames"}, mistakes);
  if (network.dns) {
    mistakes.add(element.source, "a second <dns>", "put both in one");
    return;
  }
  Dns dns;
  const auto enable = yes_no(element, "enable", mistakes), plain = yes_no(element, "forwardPlainNames", mistakes);
  dns.enable_written = enable.has_value();
  dns.enable = enable.value_or(true);
  dns.forward_plain_names_written = plain.has_value();
  dns.forward_plain_names = plain.value_or(true);
  for (const Element& child : element.children) read_dns_child(child, dns, mistakes);
  if (!dns.enable && !element.children.empty())
    mistakes.add(element.source, "extra data in a disabled <dns>", "remove it, or enable='no'");
  network.dns = std::move(dns);
}

}  // namespace nwf::xml
