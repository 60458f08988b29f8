// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/domain.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/utf8.h"
#include "xml/document.h"
#include "xml/interface_form.h"
#include "xml/mistakes.h"

namespace nwf::xml {
namespace {

const Element* child_of(const Element& element, std::string_view name) {
  const auto found =
      std::find_if(element.children.begin(), element.children.end(), [&](const Element& c) { return c.name == name; });
  return found == element.children.end() ? nullptr : &*found;
}

Owner read_guest(const Element& element, Mistakes& mistakes) {
  Owner guest;
  const Element* name = child_of(element, "name");
  const Element* uuid = child_of(element, "uuid");
  if (name == nullptr || name->text.empty())
    mistakes.add(element.source, fmt::format("the guest of the <{}> has no name", element.name), "add <name>");
  else
    guest.name = name->text;
  if (uuid != nullptr) guest.uuid = Uuid::parse(uuid->text);
  if (!guest.uuid)
    mistakes.add(element.source, fmt::format("the guest of the <{}> has no UUID", element.name),
                 "its ports are known by it: add <uuid>");
  return guest;
}

std::optional<FilterRef> from_network(const Element& interface, const NetworkFilter& networks) {
  const Element* source = child_of(interface, "source");
  const std::string* bridge = source == nullptr ? nullptr : source->attribute("bridge");
  if (bridge == nullptr || !networks) return std::nullopt;
  const std::string* group = source->attribute("portgroup");
  return networks(*bridge, group == nullptr ? std::string() : *group);
}

void read_devices(const Element& devices, const NetworkFilter& networks, Domain& domain, Mistakes& mistakes) {
  std::vector<PortName> seen;
  for (const Element& child : devices.children) {
    if (child.name != "interface") continue;
    const Element* target = child_of(child, "target");
    const std::string* dev = target == nullptr ? nullptr : target->attribute("dev");
    const auto port = dev == nullptr ? std::nullopt : PortName::parse(*dev);
    if (port) {
      if (std::find(seen.begin(), seen.end(), *port) != seen.end())
        mistakes.add(child.source, fmt::format("a second interface has port {}", port->text()), "give each its own");
      seen.push_back(*port);
    }
    std::optional<FilterRef> of_network;
    if (child_of(child, "filterref") == nullptr) {
      if (port) of_network = from_network(child, networks);
      if (port && !of_network) domain.open.push_back(*port);
      if (!of_network) continue;
    }
    Mistakes of_interface;
    PortForm form = read_interface_form(child, of_interface, std::move(of_network));
    form.owner = domain.guest;
    auto binding = finish(std::move(form), "<target dev='vnet0'/>", std::move(of_interface));
    if (binding)
      domain.bindings.push_back(std::move(binding->value));
    else
      mistakes.add_all(std::move(binding).error());
  }
}

Result<Element> read_domain_element(std::string_view text, const std::string& file) {
  NWF_TRY(Element root, read_document(text, file));
  const Element* element = root.name == "domstatus" ? child_of(root, "domain") : &root;
  if (element == nullptr || element->name != "domain")
    return fail({ErrorKind::Invalid,
                 fmt::format("the document is a <{}>, not a <domain>", shown(root.name)),
                 root.source,
                 {},
                 {}});
  if (element == &root) return root;
  return Element(*element);
}

}  // namespace

Result<Parsed<Domain>> read_domain(std::string_view text, const std::string& file, const NetworkFilter& networks) {
  NWF_TRY(const Element element, read_domain_element(text, file));
  Mistakes mistakes;
  Domain domain;
  domain.guest = read_guest(element, mistakes);
  if (const Element* devices = child_of(element, "devices")) read_devices(*devices, networks, domain, mistakes);
  if (!mistakes.none()) return fail(mistakes.take());
  return Parsed<Domain>{std::move(domain), mistakes.take_warnings()};
}

Result<std::string> read_domain_uuid(std::string_view text, const std::string& file) {
  NWF_TRY(const Element element, read_domain_element(text, file));
  Mistakes mistakes;
  const Owner guest = read_guest(element, mistakes);
  if (!mistakes.none()) return fail(mistakes.take());
  return guest.uuid->text();
}

Result<NetworkPort> read_network_port(std::string_view text, const std::string& file) {
  NWF_TRY(const Element root, read_document(text, file));
  const Element* element = root.name == "hookData" ? child_of(root, "networkport") : nullptr;
  if (element == nullptr)
    return fail({ErrorKind::NotFound,
                 fmt::format("the document is a <{}> without a <networkport>", shown(root.name)),
                 root.source,
                 {},
                 {}});
  Mistakes mistakes;
  NetworkPort port;
  if (const Element* owner = child_of(*element, "owner"))
    port.guest = read_guest(*owner, mistakes);
  else
    mistakes.add(element->source, "the <networkport> has no <owner>");
  const Element* mac = child_of(*element, "mac");
  const std::string* address = mac == nullptr ? nullptr : mac->attribute("address");
  const auto parsed = address == nullptr ? std::nullopt : Mac::parse(*address);
  if (parsed)
    port.mac = *parsed;
  else
    mistakes.add(element->source, "the <networkport> has no <mac address>");
  if (!mistakes.none()) return fail(mistakes.take());
  return port;
}

}  // namespace nwf::xml
