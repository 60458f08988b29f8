// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/port_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/legacy/text.h"
#include "engine/print/nft.h"
#include "engine/ruleset/drops.h"

namespace nwf::host {
namespace {

std::string leads_to(const legacy::EthernetRule& rule) { return rule.target; }
std::string leads_to(const legacy::IpRule& rule) {
  const auto* jump = std::get_if<legacy::target::Jump>(&rule.target);
  return jump == nullptr ? "" : jump->to;
}

/// Chains of a flow as they are entered: the first, then those it goes to, in order.
void add_chain(const Table& table, const std::string& name, std::size_t flow, PortRules& out,
               std::vector<std::string>& done) {
  const auto chain = table.chains.find(name);
  if (chain == table.chains.end() || std::find(done.begin(), done.end(), name) != done.end()) return;
  done.push_back(name);
  std::vector<std::string> next;
  for (Rule rule : chain->second.rules) {
    // How drops are counted is no news of this port.
    rule.expressions = without_count(std::move(rule.expressions));
    const auto seal = rule.comment.find("; chain=");
    out.rules.push_back({flow_layer(flow), flow_direction(flow), name, print::nft(rule), rule.comment.substr(0, seal)});
    for (const Expression& expression : rule.expressions)
      if (const auto* immediate = std::get_if<expr::Immediate>(&expression);
          immediate != nullptr && !immediate->verdict.chain.empty())
        next.push_back(immediate->verdict.chain);
  }
  for (const std::string& chain_name : next) add_chain(table, chain_name, flow, out, done);
}

/// The same in the legacy tables: a chain, then those of the port's that it leads to.
template <class Rule, class Words>
void add_legacy_chain(const legacy::Table<Rule>& table, const std::string& name, Layer layer, Direction direction,
                      const Words& words, PortRules& out, std::vector<std::string>& done) {
  const auto chain = table.chains.find(name);
  if (chain == table.chains.end() || std::find(done.begin(), done.end(), name) != done.end()) return;
  done.push_back(name);
  std::vector<std::string> next;
  for (const Rule& rule : chain->second.rules) {
    out.rules.push_back({layer, direction, name, words(rule), rule.origin.text});
    next.push_back(leads_to(rule));
  }
  for (const std::string& chain_name : next) add_legacy_chain(table, chain_name, layer, direction, words, out, done);
}

}  // namespace

void add_legacy_rules(const legacy::Tables& tables, PortRules& to) {
  std::vector<std::string> done;
  for (const Direction direction : {Direction::Out, Direction::In})
    add_legacy_chain(
        tables.ethernet, fmt::format("libvirt-{}-{}", direction == Direction::Out ? 'I' : 'O', to.port),
        Layer::Ethernet, direction, [](const auto& rule) { return legacy::text(rule); }, to, done);
  for (const auto& [id, table] : tables.ip) {
    done.clear();
    const bool ipv6 = id.family == legacy::Family::Ip6;
    for (const auto& [kind, direction] :
         {std::pair{"FI-", Direction::Out}, std::pair{"HI-", Direction::Out}, std::pair{"FO-", Direction::In}})
      add_legacy_chain(
          table, kind + to.port, Layer::Inet, direction,
          [&](const auto& rule) { return (ipv6 ? "ip6tables " : "iptables ") + legacy::text(rule, ipv6); }, to, done);
  }
}

PortRules port_rules(const Binding& binding, const Compiled& compiled, const Ruleset& held) {
  PortRules out;
  out.port = binding.port.text();
  out.filter = binding.filter;
  out.program = compiled.lowered.name;
  for (const Fact& fact : compiled.program.shape.facts)
    if (!fact.reason.empty()) out.why.push_back(fact.reason);
  const auto table = held.tables.find(Family::Bridge);
  if (table == held.tables.end()) return out;
  const auto name = binding.port.padded();
  const auto ports = table->second.elements.find(compiled.lowered.ports);
  if (ports != table->second.elements.end() &&
      ports->second.contains(Element{Bytes(name.begin(), name.end()), std::nullopt}))
    for (std::size_t flow = 0; flow < kFlowCount; ++flow) {
      std::vector<std::string> done;
      add_chain(table->second, compiled.lowered.entry[flow], flow, out, done);
    }
  for (std::size_t flow = 0; flow < kFlowCount; ++flow) {
    const auto map = table->second.elements.find(dispatch_map(flow).name);
    if (map == table->second.elements.end()) continue;
    for (const Element& element : map->second)
      if (element.verdict && std::equal(name.begin(), name.end(), element.key.begin(), element.key.end())) {
        std::vector<std::string> done;
        add_chain(table->second, element.verdict->chain, flow, out, done);
      }
  }
  for (const auto& [set, elements] : table->second.elements) {
    const auto definition = table->second.sets.find(set);
    if (definition == table->second.sets.end()) continue;
    if (set == compiled.lowered.ports) continue;  // says only that the port runs this program
    PortValue value{set, {}};
    for (const Element& element : elements) {
      if (element.key.size() < name.size() || !std::equal(name.begin(), name.end(), element.key.begin())) continue;
      std::string text;
      if (element.verdict) {
        text = print::nft(*element.verdict);
      } else {
        const std::vector<KeyPart> parts(definition->second.key.begin() + 1, definition->second.key.end());
        text = print::nft_key(parts,
                              Bytes(element.key.begin() + static_cast<std::ptrdiff_t>(name.size()), element.key.end()));
      }
      value.values.push_back(std::move(text));
    }
    if (!value.values.empty()) out.values.push_back(std::move(value));
  }
  return out;
}

}  // namespace nwf::host
