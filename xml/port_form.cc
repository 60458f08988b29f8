// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/port_form.h"

#include <fmt/format.h>

#include "xml/parameters.h"

namespace nwf::xml {

void read_port(const Element& element, std::string_view attribute, PortForm& form, Mistakes& mistakes) {
  const std::string* name = element.attribute(attribute);
  if (name == nullptr) {
    mistakes.add(element.source, fmt::format("<{}> has no {}", element.name, attribute),
                 fmt::format("add {}='vnet0'", attribute));
    return;
  }
  const auto port = PortName::parse(*name);
  if (!port)
    mistakes.add(element.source, fmt::format("'{}' cannot be the name of a network interface", name->substr(0, 60)),
                 "use 1 to 15 characters, none of them '/', ':' or a blank");
  else if (form.port)
    mistakes.add(element.source, fmt::format("a second <{}>", element.name), "remove it");
  else
    form.port = port;
}

void read_mac(const Element& element, PortForm& form, Mistakes& mistakes) {
  const std::string* address = element.attribute("address");
  const auto mac = address == nullptr ? std::nullopt : Mac::parse(*address);
  if (address == nullptr)
    mistakes.add(element.source, "<mac> has no address", "add address='52:54:00:ab:cd:ef'");
  else if (!mac)
    mistakes.add(element.source, fmt::format("'{}' is not a MAC address", address->substr(0, 60)),
                 "write six groups like 52:54:00:ab:cd:ef");
  else if (mac->is_multicast())
    mistakes.add(element.source, fmt::format("{} is a multicast address; a guest's own is not", *address),
                 "make the first group even");
  else if (form.mac)
    mistakes.add(element.source, "a second <mac>", "remove it");
  else
    form.mac = mac;
}

void read_filter_reference(const Element& element, PortForm& form, Mistakes& mistakes) {
  if (form.filter) {
    mistakes.add(element.source, "a second <filterref>", "write a filter that refers to both, and bind that");
    return;
  }
  form.filter = read_filterref(element, mistakes);
  const auto check = [&](const char* name, auto parse, const char* what) {
    const auto found = form.filter->parameters.find(name);
    if (found == form.filter->parameters.end()) return;
    for (const std::string& value : found->second)
      if (!parse(value)) mistakes.add(element.source, fmt::format("{}='{}' is not an {} address", name, value, what));
  };
  check(
      "IP", [](const std::string& value) { return Ipv4::parse(value).has_value(); }, "IPv4");
  check(
      "IPV6", [](const std::string& value) { return Ipv6::parse(value).has_value(); }, "IPv6");
}

Result<Parsed<Binding>> finish(PortForm form, std::string_view port_element, Mistakes mistakes) {
  if (mistakes.none()) {
    if (!form.port) mistakes.add(form.source, "no port is named", fmt::format("add {}", port_element));
    if (!form.mac)
      mistakes.add(form.source, "the guest's MAC address is missing", "add <mac address='52:54:00:ab:cd:ef'/>");
    if (!form.filter) mistakes.add(form.source, "no filter is named", "add <filterref filter='clean-traffic'/>");
  }
  if (!mistakes.none()) return fail(mistakes.take());
  return Parsed<Binding>{
      {std::move(form.owner), *form.port, *form.mac, form.filter->filter, form.filter->parameters, form.source},
      mistakes.take_warnings()};
}

}  // namespace nwf::xml
