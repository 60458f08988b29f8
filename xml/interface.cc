// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/interface.h"

#include <fmt/format.h>

#include "engine/utf8.h"
#include "xml/interface_form.h"

namespace nwf::xml {
namespace {

void read_ip(const Element& element, Variables& found, Mistakes& mistakes) {
  const std::string* address = element.attribute("address");
  if (address == nullptr) {
    mistakes.add(element.source, "<ip> has no address", "add address='192.0.2.1'");
    return;
  }
  const std::string* family = element.attribute("family");
  if (family != nullptr && *family == "ipv6") {
    if (Ipv6::parse(*address))
      found["IPV6"].push_back(*address);
    else
      mistakes.add(element.source, fmt::format("'{}' is not an IPv6 address", shown(*address)));
  } else if (Ipv4::parse(*address)) {
    found["IP"].push_back(*address);
  } else if (Ipv6::parse(*address)) {
    mistakes.add(element.source, fmt::format("{} is an IPv6 address", shown(*address)), "add family='ipv6'");
  } else {
    mistakes.add(element.source, fmt::format("'{}' is not an IPv4 address", shown(*address)),
                 "write four numbers up to 255");
  }
}

}  // namespace

PortForm read_interface_form(const Element& element, Mistakes& mistakes, std::optional<FilterRef> otherwise) {
  PortForm form;
  form.source = element.source;
  Variables addresses;
  for (const Element& child : element.children) {
    if (child.name == "target" && child.attribute("dev") != nullptr) read_name(child, "dev", form.port, mistakes);
    if (child.name == "mac") read_mac(child, form, mistakes);
    if (child.name == "filterref") read_filter_reference(child, form, mistakes);
    if (child.name == "ip") read_ip(child, addresses, mistakes);
  }
  if (!form.filter.given && otherwise) {
    form.filter.given = true;
    form.filter.value = std::move(otherwise);
  }
  if (form.filter.value)
    for (const auto& [name, values] : addresses) form.filter.value->parameters.try_emplace(name, values);
  return form;
}

Result<Parsed<Binding>> read_interface(std::string_view text, const std::string& file) {
  NWF_TRY(const Element root, read_document(text, file));
  return read_interface(root);
}

Result<Parsed<Binding>> read_interface(const Element& root) {
  if (root.name != "interface")
    return fail({ErrorKind::Invalid,
                 fmt::format("the document is a <{}>, not an <interface>", shown(root.name)),
                 root.source,
                 {},
                 {}});
  Mistakes mistakes;
  PortForm form = read_interface_form(root, mistakes);
  return finish(std::move(form), "<target dev='vnet0'/>", std::move(mistakes));
}

Result<std::optional<PortName>> read_source_bridge(std::string_view text, const std::string& file) {
  NWF_TRY(const Element root, read_document(text, file));
  for (const Element& child : root.children) {
    const std::string* bridge = child.name == "source" ? child.attribute("bridge") : nullptr;
    if (bridge == nullptr) continue;
    if (auto name = PortName::parse(*bridge)) return name;
    return fail(
        {ErrorKind::Invalid, fmt::format("'{}' cannot be the name of a bridge", shown(*bridge)), child.source, {}, {}});
  }
  return std::optional<PortName>{};
}

Result<Parsed<Binding>> read_binding_or_interface(std::string_view text, const std::string& file) {
  NWF_TRY(const Element root, read_document(text, file));
  if (root.name == "interface") return read_interface(root);
  if (root.name == "filterbinding") return read_binding(root);
  return fail({ErrorKind::Invalid,
               fmt::format("the document is a <{}>", shown(root.name)),
               root.source,
               "write a <filterbinding> or a guest's <interface>",
               {}});
}

}  // namespace nwf::xml
