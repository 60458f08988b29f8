// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/binding.h"

#include <fmt/format.h>

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
      if (!owner.uuid) mistakes.add(child.source, fmt::format("'{}' is not a UUID", child.text.substr(0, 60)));
    } else {
      mistakes.add(child.source, fmt::format("<owner> cannot hold <{}>", child.name),
                   did_you_mean(child.name, {"name", "uuid"}));
    }
  }
}

}  // namespace

Result<Parsed<Binding>> read_binding(std::string_view text, const std::string& file) {
  NWF_TRY(const Element root, read_document(text, file));
  if (root.name != "filterbinding")
    return fail({ErrorKind::Invalid,
                 fmt::format("the document is a <{}>, not a <filterbinding>", root.name),
                 root.source,
                 {},
                 {}});
  Mistakes mistakes;
  PortForm form;
  form.source = root.source;
  for (const Element& child : root.children) {
    if (child.name == "owner")
      read_owner(child, form.owner, mistakes);
    else if (child.name == "portdev")
      read_port(child, "name", form, mistakes);
    else if (child.name == "mac")
      read_mac(child, form, mistakes);
    else if (child.name == "filterref")
      read_filter_reference(child, form, mistakes);
    else
      mistakes.add(child.source, fmt::format("<filterbinding> cannot hold <{}>", child.name),
                   did_you_mean(child.name, {"owner", "portdev", "mac", "filterref"}));
  }
  return finish(std::move(form), "<portdev name='vnet0'/>", std::move(mistakes));
}

}  // namespace nwf::xml
