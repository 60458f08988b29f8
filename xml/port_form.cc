// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/port_form.h"

#include <fmt/format.h>

#include <utility>

#include "engine/utf8.h"
#include "xml/parameters.h"

namespace nwf::xml {

void read_name(const Element& element, std::string_view attribute, Part<PortName>& part, Mistakes& mistakes) {
  const std::string* name = element.attribute(attribute);
  const bool second = std::exchange(part.given, true);
  if (name == nullptr) {
    mistakes.add(element.source, fmt::format("<{}> has no {}", element.name, attribute),
                 fmt::format("add {}='vnet0'", attribute));
    return;
  }
  const auto port = PortName::parse(*name);
  if (!port)
    mistakes.add(element.source, fmt::format("'{}' cannot be the name of a network interface", shown(*name)),
                 "use 1 to 15 characters, none of them '/', ':' or a blank");
  else if (second)
    mistakes.add(element.source, fmt::format("a second <{}>", element.name), "remove it");
  else
    part.value = port;
}

void read_mac(const Element& element, PortForm& form, Mistakes& mistakes) {
  const std::string* address = element.attribute("address");
  const bool second = std::exchange(form.mac.given, true);
  const auto mac = address == nullptr ? std::nullopt : Mac::parse(*address);
  if (address == nullptr)
    mistakes.add(element.source, "<mac> has no address", "add address='52:54:00:ab:cd:ef'");
  else if (!mac)
    mistakes.add(element.source, fmt::format("'{}' is not a MAC address", shown(*address)),
                 "write six groups like 52:54:00:ab:cd:ef");
  else if (mac->is_multicast())
    mistakes.add(element.source, fmt::format("{} is a multicast address; a guest's own is not", mac->text()),
                 "make the first group even");
  else if (second)
    mistakes.add(element.source, "a second <mac>", "remove it");
  else
    form.mac.value = mac;
}

void read_filter_reference(const Element& element, PortForm& form, Mistakes& mistakes) {
  if (std::exchange(form.filter.given, true)) {
    mistakes.add(element.source, "a second <filterref>", "write a filter that refers to both, and bind that");
    return;
  }
  form.filter.value = read_filterref(element, mistakes);
  // Two parameters have a meaning of their own on every port, so what they hold is known before a rule asks for it.
  for (const Element& child : element.children) {
    const std::string* name = child.attribute("name");
    const std::string* value = child.attribute("value");
    if (child.name != "parameter" || name == nullptr || value == nullptr) continue;
    if (*name == "IP" && !Ipv4::parse(*value))
      mistakes.add(child.source, fmt::format("IP='{}' is not an IPv4 address", shown(*value)));
    if (*name == "IPV6" && !Ipv6::parse(*value))
      mistakes.add(child.source, fmt::format("IPV6='{}' is not an IPv6 address", shown(*value)));
  }
}

Result<Parsed<Binding>> finish(PortForm form, std::string_view port_element, Mistakes mistakes) {
  if (!form.port.given) mistakes.add(form.source, "no port is named", fmt::format("add {}", port_element));
  if (!form.mac.given)
    mistakes.add(form.source, "the guest's MAC address is missing", "add <mac address='52:54:00:ab:cd:ef'/>");
  if (!form.filter.given) mistakes.add(form.source, "no filter is named", "add <filterref filter='clean-traffic'/>");
  if (!mistakes.none()) return fail(mistakes.take());
  // Every port has this variable; a dumpxml shows it, and what it shows can be given back.
  Variables& variables = form.filter.value->parameters;
  if (const auto mac = variables.find("MAC");
      mac != variables.end() && mac->second.size() == 1 && Mac::parse(mac->second.front()) == form.mac.value)
    variables.erase(mac);
  return Parsed<Binding>{
      {std::move(form.owner), *form.port.value, *form.mac.value, std::move(form.filter.value->filter),
       std::move(form.filter.value->parameters), form.source, form.link.value},
      mistakes.take_warnings()};
}

}  // namespace nwf::xml
