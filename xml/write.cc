// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/write.h"

#include <fmt/format.h>

#include <algorithm>

#include "xml/escape.h"

namespace nwf::xml {
namespace {

std::string operand_text(const Operand& operand) {
  if (const auto* literal = std::get_if<Literal>(&operand)) return literal->text;
  return std::get<VariableRef>(operand).text();
}

void write_protocol(const FilterRule& rule, bool negated, std::string& out) {
  out += fmt::format("    <{}", protocol_name(rule.protocol));
  if (negated) out += " match='no'";
  for (const Attribute& attribute : rule.attributes)
    if (attribute.negated == negated)
      out += fmt::format(" {}='{}'", row_of(attribute.field).name, escaped(operand_text(attribute.value)));
  out += "/>\n";
}

void write_rule(const FilterRule& rule, std::string& out) {
  out += fmt::format("  <rule action='{}' direction='{}' priority='{}'", action_name(rule.action),
                     direction_name(rule.direction), rule.priority);
  if (!rule.statematch) out += " statematch='false'";
  if (rule.protocol == Protocol::None) {
    out += "/>\n";
    return;
  }
  out += ">\n";
  const auto any = [&](bool negated) {
    return std::any_of(rule.attributes.begin(), rule.attributes.end(),
                       [&](const Attribute& a) { return a.negated == negated; });
  };
  if (any(false) || rule.attributes.empty()) write_protocol(rule, false, out);
  if (any(true)) write_protocol(rule, true, out);
  out += "  </rule>\n";
}

void write_filterref(const std::string& filter, const Variables& parameters, std::string& out) {
  if (parameters.empty()) {
    out += fmt::format("  <filterref filter='{}'/>\n", escaped(filter));
    return;
  }
  out += fmt::format("  <filterref filter='{}'>\n", escaped(filter));
  for (const auto& [name, values] : parameters)
    for (const std::string& value : values)
      out += fmt::format("    <parameter name='{}' value='{}'/>\n", escaped(name), escaped(value));
  out += "  </filterref>\n";
}

}  // namespace

std::string write_filter(const Filter& filter) {
  std::string out = fmt::format("<filter name='{}' chain='{}'", escaped(filter.name), escaped(filter.chain));
  if (filter.chain != "root" || filter.priority) out += fmt::format(" priority='{}'", filter.chain_priority());
  out += ">\n";
  if (filter.uuid) out += fmt::format("  <uuid>{}</uuid>\n", filter.uuid->text());
  for (const FilterEntry& entry : filter.entries) {
    if (const auto* rule = std::get_if<FilterRule>(&entry))
      write_rule(*rule, out);
    else
      write_filterref(std::get<FilterRef>(entry).filter, std::get<FilterRef>(entry).parameters, out);
  }
  return out + "</filter>\n";
}

std::string write_binding(const Binding& binding) {
  std::string out = "<filterbinding>\n";
  if (!binding.owner.name.empty() || binding.owner.uuid) {
    out += "  <owner>\n";
    if (!binding.owner.name.empty()) out += fmt::format("    <name>{}</name>\n", escaped(binding.owner.name));
    if (binding.owner.uuid) out += fmt::format("    <uuid>{}</uuid>\n", binding.owner.uuid->text());
    out += "  </owner>\n";
  }
  out += fmt::format("  <portdev name='{}'/>\n", escaped(binding.port.text()));
  if (binding.link) out += fmt::format("  <linkdev name='{}'/>\n", escaped(binding.link->text()));
  out += fmt::format("  <mac address='{}'/>\n", binding.mac.text());
  write_filterref(binding.filter, binding.variables, out);
  return out + "</filterbinding>\n";
}

}  // namespace nwf::xml
