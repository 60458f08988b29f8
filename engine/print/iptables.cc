// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/print/iptables.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/legacy/text.h"

namespace nwf::print {
namespace {

using legacy::Family;

/// In iptables' language '+' at the end of a name means all that begin so, and nothing quotes it; ebtables' has no
/// quotes at all.
Result<void> check_name(const std::string& name) {
  const bool bad = name.ends_with('+') || name.starts_with('-') || name.starts_with('!') ||
                   std::ranges::any_of(name, [](char c) { return c == '"' || c == '\'' || c == '\\' || c == '#'; });
  if (!bad) return {};
  return fail(ErrorKind::Unsupported, fmt::format("the name '{}' cannot stand in iptables' text", name),
              "rename the port; in the kernel its rules are as they should be");
}

Result<void> check_names(const legacy::IpRule& rule) {
  for (const std::string* name : {&rule.in, &rule.out}) NWF_CHECK(check_name(*name));
  for (const legacy::IpMatch& match : rule.matches)
    if (const auto* physdev = std::get_if<legacy::match::Physdev>(&match))
      for (const std::string* name : {&physdev->in, &physdev->out}) NWF_CHECK(check_name(*name));
  return {};
}

Result<void> check_names(const legacy::EthernetRule& rule) {
  for (const std::string* name : {&rule.in, &rule.out}) NWF_CHECK(check_name(*name));
  return {};
}

template <class Rule, class Words, class Declare>
Result<std::string> table_text(const std::string& name, const legacy::Table<Rule>& table, const Words& words,
                               const Declare& declare) {
  std::string out = fmt::format("*{}\n", name);
  for (const std::string& hub : table.hubs) out += declare(hub, false);
  for (const auto& [chain, content] : table.chains) out += declare(chain, content.returns);
  const auto add = [&](const std::string& command, const Rule& rule) -> Result<void> {
    NWF_CHECK(check_names(rule));
    const std::string text = words(rule);
    out += command + (text.empty() ? "" : " " + text) + "\n";
    return {};
  };
  std::map<std::string, int> front;
  for (const legacy::Place place : {legacy::Place::Front, legacy::Place::BehindPorts})
    for (const auto& link : table.links)
      if (link.place == place) NWF_CHECK(add(fmt::format("-I {} {}", link.chain, ++front[link.chain]), link.rule));
  for (const auto& link : table.links)
    if (link.place == legacy::Place::End) NWF_CHECK(add("-A " + link.chain, link.rule));
  for (const auto& [chain, content] : table.chains)
    for (const Rule& rule : content.rules) NWF_CHECK(add("-A " + chain, rule));
  return out;
}

}  // namespace

Result<std::string> iptables(const legacy::Tables& tables, Family family) {
  if (family == Family::Ethernet) {
    if (tables.ethernet.empty()) return std::string();
    return table_text(
        legacy::ethernet_table().name, tables.ethernet, [](const auto& rule) { return legacy::text(rule); },
        [](const std::string& chain, bool returns) {
          return fmt::format(":{} {}\n", chain, returns ? "RETURN" : "ACCEPT");
        });
  }
  std::string out;
  for (const auto& [id, table] : tables.ip) {
    if (id.family != family || table.empty()) continue;
    NWF_TRY(const std::string text,
            table_text(
                id.name, table, [&](const auto& rule) { return legacy::text(rule, family == Family::Ip6); },
                [](const std::string& chain, bool) { return fmt::format(":{} - [0:0]\n", chain); }));
    out += text + "COMMIT\n";
  }
  return out;
}

}  // namespace nwf::print
