// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "engine/utf8.h"
#include "xml/document.h"
#include "xml/mistakes.h"
#include "xml/parameters.h"
#include "xml/rule.h"
#include "xml/suggest.h"

namespace nwf::xml {
namespace {

void read_head(const Element& root, Filter& filter, Mistakes& mistakes) {
  check_attributes(root, {"name", "chain", "priority"}, mistakes);
  if (const std::string* name = root.attribute("name"); name == nullptr)
    mistakes.add(root.source, "<filter> has no name", "write <filter name='NAME'>");
  else if (!is_filter_name(*name))
    mistakes.add(root.source, fmt::format("'{}' cannot be a filter's name", shown(*name)),
                 fmt::format("use 1 to {} characters, none of them '/' or a control character", kMaxFilterName));
  else
    filter.name = *name;
  if (const std::string* chain = root.attribute("chain"); chain != nullptr) {
    if (chain_prefix(*chain).empty())
      mistakes.add(
          root.source, fmt::format("'{}' cannot be a chain's name", shown(*chain)),
          fmt::format(
              "use root, or a name of at most {} letters, digits and _ . : - that begins with mac, vlan, stp, arp, "
              "rarp, ipv4 or ipv6",
              kMaxChainName));
    else
      filter.chain = *chain;
  }
  if (const std::string* priority = root.attribute("priority"); priority != nullptr)
    filter.priority = read_priority(*priority, root, mistakes);
}

}  // namespace

std::optional<int> read_priority(const std::string& text, const Element& element, Mistakes& mistakes) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && value >= kMinPriority && value <= kMaxPriority)
    return value;
  mistakes.add(element.source, fmt::format("priority '{}' of <{}> is not a number from {} to {}", shown(text),
                                           element.name, kMinPriority, kMaxPriority));
  return std::nullopt;
}

Result<Parsed<Filter>> read_filter(std::string_view text, const std::string& file) {
  NWF_TRY(const Element root, read_document(text, file));
  return read_filter(root);
}

Result<Parsed<Filter>> read_filter(const Element& root) {
  if (root.name != "filter")
    return fail({ErrorKind::Invalid,
                 fmt::format("the document is a <{}>, not a <filter>", shown(root.name)),
                 root.source,
                 "write <filter name='NAME'>…</filter>",
                 {}});
  Mistakes mistakes;
  Filter filter;
  filter.source = root.source;
  read_head(root, filter, mistakes);
  if (!root.text.empty())
    mistakes.add(root.source, fmt::format("text between the elements of <filter>: '{}'", shown(root.text)),
                 "remove it");
  for (const Element& child : root.children) {
    if (child.name == "uuid") {
      const auto uuid = Uuid::parse(child.text);
      if (filter.uuid)
        mistakes.add(child.source, "a second <uuid>", "remove it");
      else if (!uuid)
        mistakes.add(child.source, fmt::format("'{}' is not a UUID", shown(child.text)),
                     "write 32 hexadecimal digits as 8-4-4-4-12, or leave <uuid> out to get a new one");
      else
        filter.uuid = uuid;
    } else if (child.name == "rule") {
      if (auto rule = read_rule(child, mistakes)) filter.entries.emplace_back(std::move(*rule));
    } else if (child.name == "filterref") {
      filter.entries.emplace_back(read_filterref(child, mistakes));
    } else {
      mistakes.add(child.source, fmt::format("<filter> cannot hold <{}>", shown(child.name)),
                   did_you_mean(child.name, {"rule", "filterref", "uuid"}));
    }
  }
  if (!mistakes.none()) return fail(mistakes.take());
  return Parsed<Filter>{std::move(filter), mistakes.take_warnings()};
}

}  // namespace nwf::xml
