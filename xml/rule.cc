// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "engine/utf8.h"
#include "xml/parameters.h"
#include "xml/suggest.h"

namespace nwf::xml {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// A required attribute with one of a few values.
template <class Enum, std::size_t N>
std::optional<Enum> read_choice(const Element& element, std::string_view name,
                                const std::pair<std::string_view, Enum> (&choices)[N], Mistakes& mistakes) {
  const std::string* value = element.attribute(name);
  std::vector<std::string_view> names;
  for (const auto& [text, choice] : choices) {
    if (value != nullptr && *value == text) return choice;
    names.push_back(text);
  }
  if (value == nullptr)
    mistakes.add(element.source, fmt::format("<{}> has no {}", element.name, name),
                 fmt::format("add {}='{}'", name, fmt::join(names, "|")));
  else
    mistakes.add(element.source, fmt::format("'{}' is no {}", shown(*value), name), did_you_mean(*value, names));
  return std::nullopt;
}

constexpr std::pair<std::string_view, Action> kActions[] = {{"accept", Action::Accept},
                                                            {"drop", Action::Drop},
                                                            {"reject", Action::Reject},
                                                            {"return", Action::Return},
                                                            {"continue", Action::Continue}};
constexpr std::pair<std::string_view, Direction> kDirections[] = {
    {"in", Direction::In}, {"out", Direction::Out}, {"inout", Direction::InOut}};

std::vector<std::string_view> protocol_names() {
  std::vector<std::string_view> names;
  for (int i = 1; i < kProtocolCount; ++i) names.push_back(protocol_name(static_cast<Protocol>(i)));
  return names;
}

std::vector<std::string_view> attribute_names(Protocol protocol) {
  std::vector<std::string_view> names{"match"};
  for (const FieldRow& row : field_rows())
    if ((row.protocols & bit(protocol)) != 0) names.push_back(row.name);
  return names;
}

void set_attribute(FilterRule& rule, Attribute attribute) {
  const auto place = std::lower_bound(rule.attributes.begin(), rule.attributes.end(), attribute.field,
                                      [](const Attribute& a, Field field) { return a.field < field; });
  if (place != rule.attributes.end() && place->field == attribute.field)
    *place = std::move(attribute);
  else
    rule.attributes.insert(place, std::move(attribute));
}

/// `bad` gets the fields whose value cannot be used: a mistake told already.
void read_protocol(const Element& element, FilterRule& rule, std::set<Field>& bad, Mistakes& mistakes) {
  bool negated = false;
  if (const std::string* match = element.attribute("match")) {
    if (*match != "yes" && *match != "no")
      mistakes.add(element.source, fmt::format("match='{}' is neither yes nor no", shown(*match)));
    negated = *match == "no";
  }
  for (const XmlAttribute& attribute : element.attributes) {
    if (attribute.name == "match") continue;
    const FieldRow* row = find_field(rule.protocol, attribute.name);
    if (row == nullptr) {
      if (is_attribute_of_any(attribute.name))
        mistakes.warn(element.source,
                      fmt::format("<{}> does not look at '{}': it is ignored", element.name, attribute.name),
                      "remove it");
      else
        mistakes.add(element.source, fmt::format("<{}> has no attribute '{}'", element.name, shown(attribute.name)),
                     did_you_mean(attribute.name, attribute_names(rule.protocol)));
      continue;
    }
    auto value = parse_operand(row->kind, attribute.value, row->variables);
    if (!value) {
      mistakes.add(std::move(value).error().in(fmt::format("{} of <{}>", attribute.name, element.name)),
                   element.source);
      bad.insert(row->field);
      continue;
    }
    set_attribute(rule, {row->field, negated, std::move(*value), element.source});
  }
  for (const Element& child : element.children)
    mistakes.add(child.source, fmt::format("<{}> cannot hold <{}>", element.name, shown(child.name)),
                 "give its attributes instead");
}

/// The number of a literal attribute, or -1.
std::int64_t literal_number(const FilterRule& rule, Field field) {
  const Attribute* attribute = rule.find(field);
  const auto* literal = attribute == nullptr ? nullptr : std::get_if<Literal>(&attribute->value);
  return literal == nullptr ? -1 : static_cast<std::int64_t>(to_number(literal->bytes));
}

/// What libvirt 9.0 checks between the attributes of a rule when it is defined, and companions without their base.
void check_together(const FilterRule& rule, const std::set<Field>& bad, const Source& where, Mistakes& mistakes) {
  const auto has = [&](Field field) { return rule.find(field) != nullptr || bad.contains(field); };
  const bool ethernet_ip = rule.protocol == Protocol::Ip || rule.protocol == Protocol::Ipv6;
  const std::int64_t protocol = literal_number(rule, Field::IpProtocol);
  const bool unknown_protocol = has(Field::IpProtocol) && protocol < 0;  // a variable, seen when it is bound
  if (ethernet_ip &&
      (has(Field::SrcPortStart) || has(Field::DstPortStart) || has(Field::SrcPortEnd) || has(Field::DstPortEnd)) &&
      !unknown_protocol && protocol != 6 && protocol != 17 && protocol != 33 && protocol != 132)
    mistakes.add(where, fmt::format("<{}> with ports needs a protocol that has them", protocol_name(rule.protocol)),
                 "add protocol='tcp', 'udp', 'sctp' or '33' (dccp)");
  if (rule.protocol == Protocol::Ipv6 && (has(Field::IcmpType) || has(Field::IcmpCode)) && !unknown_protocol &&
      protocol != 58)
    mistakes.add(where, "<ipv6> with an ICMP type or code needs the protocol", "add protocol='icmpv6'");
  for (const Attribute& attribute : rule.attributes) {
    const FieldRow& row = row_of(attribute.field);
    if (row.role == Role::Value || has(row.base)) continue;
    if (row.role == Role::Mask)
      mistakes.warn(where, fmt::format("{} without {} says nothing", row.name, row_of(row.base).name),
                    "remove it, or add the address");
    else
      mistakes.add(where, fmt::format("{} without {}", row.name, row_of(row.base).name),
                   fmt::format("add {}", row_of(row.base).name));
  }
}

}  // namespace

std::optional<FilterRule> read_rule(const Element& element, Mistakes& mistakes) {
  FilterRule rule;
  rule.source = element.source;
  check_attributes(element, {"action", "direction", "priority", "statematch"}, mistakes);
  const auto action = read_choice(element, "action", kActions, mistakes);
  const auto direction = read_choice(element, "direction", kDirections, mistakes);
  rule.action = action.value_or(Action::Drop);
  rule.direction = direction.value_or(Direction::InOut);
  if (const std::string* priority = element.attribute("priority"))
    rule.priority = read_priority(*priority, element, mistakes).value_or(kDefaultRulePriority);
  if (const std::string* statematch = element.attribute("statematch")) {
    const std::string value = lower(*statematch);
    if (value == "false" || value == "0")
      rule.statematch = false;
    else if (value == "true" || value == "1")
      mistakes.warn(element.source, fmt::format("statematch='{}' is the default: it is ignored", *statematch),
                    "remove it");
    else
      mistakes.add(element.source, fmt::format("statematch='{}' is not 'false'", shown(*statematch)),
                   "write 'false', or leave it out");
  }
  if (!element.text.empty())
    mistakes.add(element.source, fmt::format("text inside <rule>: '{}'", shown(element.text)), "remove it");

  std::set<Field> bad;
  Source last = element.source;
  for (const Element& child : element.children) {
    Protocol protocol = Protocol::None;
    if (!parse_protocol(child.name, protocol)) {
      mistakes.add(child.source, fmt::format("there is no protocol <{}>", shown(child.name)),
                   did_you_mean(child.name, protocol_names()));
      continue;
    }
    if (rule.protocol != Protocol::None && rule.protocol != protocol) {
      mistakes.add(
          child.source,
          fmt::format("a rule matches one protocol; <{}> stands beside <{}>", child.name, protocol_name(rule.protocol)),
          "write two rules");
      continue;
    }
    rule.protocol = protocol;
    read_protocol(child, rule, bad, mistakes);
    last = child.source;
  }
  check_together(rule, bad, last, mistakes);
  if (!action || !direction) return std::nullopt;
  return rule;
}

}  // namespace nwf::xml
