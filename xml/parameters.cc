// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "engine/utf8.h"
#include "xml/suggest.h"

namespace nwf::xml {
namespace {

bool made_of(std::string_view text, std::string_view extra) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return std::isalnum(c) != 0 || extra.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

}  // namespace

void check_attributes(const Element& element, const std::vector<std::string_view>& allowed, Mistakes& mistakes) {
  for (const XmlAttribute& attribute : element.attributes)
    if (std::find(allowed.begin(), allowed.end(), attribute.name) == allowed.end())
      mistakes.add(element.source,
                   fmt::format("<{}> has no attribute '{}'", shown(element.name), shown(attribute.name)),
                   did_you_mean(attribute.name, allowed));
}

FilterRef read_filterref(const Element& element, Mistakes& mistakes) {
  FilterRef ref;
  ref.source = element.source;
  check_attributes(element, {"filter"}, mistakes);
  const std::string* filter = element.attribute("filter");
  if (filter == nullptr || filter->empty())
    mistakes.add(element.source, "<filterref> names no filter", "write <filterref filter='NAME'/>");
  else if (!is_filter_name(*filter))
    mistakes.add(element.source, fmt::format("'{}' cannot be a filter's name", shown(*filter)),
                 "leave out '/' and control characters");
  else
    ref.filter = *filter;
  for (const Element& child : element.children) {
    if (child.name != "parameter") {
      mistakes.add(child.source, fmt::format("<filterref> cannot hold <{}>", shown(child.name)),
                   did_you_mean(child.name, {"parameter"}));
      continue;
    }
    check_attributes(child, {"name", "value"}, mistakes);
    const std::string* name = child.attribute("name");
    const std::string* value = child.attribute("value");
    if (name == nullptr || !made_of(*name, "_"))
      mistakes.add(child.source, "<parameter> needs a name of letters, digits and '_'",
                   "write <parameter name='IP' value='192.0.2.1'/>");
    else if (value == nullptr || !made_of(*value, "_.:+- "))
      mistakes.add(child.source,
                   fmt::format("parameter '{}' needs a value of letters, digits and _ . : + -", shown(*name)));
    else
      ref.parameters[*name].push_back(*value);
  }
  return ref;
}

}  // namespace nwf::xml
