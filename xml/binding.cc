// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/binding.h"

#include <fmt/format.h>

#include "engine/utf8.h"
#include "xml/parameters.h"
#include "xml/port_form.h"
#include "xml/suggest.h"

namespace nwf::xml {
namespace {

void read_owner(const Element& element, Owner& owner, Mistakes& mistakes) {
  for (const Element& child : element.children) {
    if (child.name == "name") {
      owner.name = child.text;
    } else if (child.name == "uuid") {
      owner.uuid = Uuid::parse(child.text);
      if (!owner.uuid) mistakes.add(child.source, fmt::format("'{}' is not a UUID", shown(child.text)));
    } else {
      mistakes.add(child.source, fmt::format("<owner> cannot hold <{}>", shown(child.name)),
                   did_you_mean(child.name, {"name", "uuid"}));
    }
  }
}

/// An element of one attribute. Where that is missing, it is what will be told, and not also that another is too much.
void check_only(const Element& element, std::string_view attribute, Mistakes& mistakes) {
  if (element.attribute(attribute) != nullptr) check_attributes(element, {attribute}, mistakes);
}

}  // namespace

Result<Parsed<Binding>> read_binding(std::string_view text, const std::string& file) {
  NWF_TRY(const Element root, read_document(text, file));
  return read_binding(root);
}

Result<Parsed<Binding>> read_binding(const Element& root) {
  if (root.name != "filterbinding")
    return fail({ErrorKind::Invalid,
                 fmt::format("the document is a <{}>, not a <filterbinding>", shown(root.name)),
                 root.source,
                 {},
                 {}});
  Mistakes mistakes;
  PortForm form;
  form.source = root.source;
  check_attributes(root, {}, mistakes);
  if (!root.text.empty())
    mistakes.add(root.source, fmt::format("text between the elements of <filterbinding>: '{}'", shown(root.text)),
                 "remove it");
  for (const Element& child : root.children) {
    if (child.name == "portdev" || child.name == "linkdev") check_only(child, "name", mistakes);
    if (child.name == "mac") check_only(child, "address", mistakes);
    if (child.name == "owner")
      read_owner(child, form.owner, mistakes);
    else if (child.name == "portdev")
      read_name(child, "name", form.port, mistakes);
    else if (child.name == "linkdev")
      read_name(child, "name", form.link, mistakes);
    else if (child.name == "mac")
      read_mac(child, form, mistakes);
    else if (child.name == "filterref")
      read_filter_reference(child, form, mistakes);
    else
      mistakes.add(child.source, fmt::format("<filterbinding> cannot hold <{}>", shown(child.name)),
                   did_you_mean(child.name, {"owner", "portdev", "linkdev", "mac", "filterref"}));
  }
  return finish(std::move(form), "<portdev name='vnet0'/>", std::move(mistakes));
}

}  // namespace nwf::xml
