// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/definition.h"

#include <fmt/format.h>

#include "engine/utf8.h"
#include "xml/binding.h"
#include "xml/document.h"
#include "xml/filter.h"
#include "xml/interface.h"

namespace nwf::xml {
namespace {

template <class T>
Result<Parsed<Definition>> as_definition(Result<Parsed<T>> read) {
  NWF_TRY(auto parsed, std::move(read));
  return Parsed<Definition>{std::move(parsed.value), std::move(parsed.warnings)};
}

}  // namespace

Result<Parsed<Definition>> read_definition(std::string_view text, const std::string& file) {
  NWF_TRY(const Element root, read_document(text, file));
  if (root.name == "filter") return as_definition(read_filter(root));
  if (root.name == "filterbinding") return as_definition(read_binding(root));
  if (root.name == "interface") return as_definition(read_interface(root));
  return fail({ErrorKind::Invalid,
               fmt::format("the document is a <{}>", shown(root.name)),
               root.source,
               "write a <filter>, a <filterbinding> or a guest's <interface>",
               {}});
}

}  // namespace nwf::xml
