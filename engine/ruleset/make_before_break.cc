// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/make_before_break.h"

#include <algorithm>
#include <functional>

namespace nwf {
namespace {

bool has_set(const PortElements& elements, const std::string& name) {
  return std::any_of(elements.entries.begin(), elements.entries.end(),
                     [&](const auto& entry) { return entry.set.name == name; });
}

/// Names of the sets that lead to the port in `there` and not in `elsewhere`.
std::set<std::string> dispatch_only_in(const PortElements& there, const PortElements& elsewhere) {
  std::set<std::string> names;
  for (const auto& entry : there.entries)
    if (is_dispatch(entry.set) && !has_set(elsewhere, entry.set.name)) names.insert(entry.set.name);
  return names;
}

bool looks_up_one_of(const Rule& rule, const std::set<std::string>& sets) {
  return std::any_of(rule.expressions.begin(), rule.expressions.end(), [&](const Expression& expression) {
    const auto* lookup = std::get_if<expr::Lookup>(&expression);
    return lookup != nullptr && sets.contains(lookup->set);
  });
}

Table& table_in(Ruleset& ruleset, Family family) {
  return ruleset.tables.emplace(family, Table{family, {}, {}, {}}).first->second;
}

}  // namespace

bool is_dispatch(const Set& set) { return set.key.size() == 1 && set.key[0].type == KeyType::IfName; }

bool moves(const PortStep& port) {
  if (port.before.entries.empty()) return false;
  return std::any_of(port.after.entries.begin(), port.after.entries.end(), [&](const auto& entry) {
    if (!is_dispatch(entry.set)) return false;
    const auto old = std::find_if(port.before.entries.begin(), port.before.entries.end(),
                                  [&](const auto& other) { return other.set.name == entry.set.name; });
    return old == port.before.entries.end() || old->elements != entry.elements;
  });
}

Ruleset joined(const Ruleset& from, const Ruleset& fresh, const std::vector<PortStep>& ports) {
  Ruleset result = from;
  for (const auto& [family, table] : fresh.tables) {
    Table& into = table_in(result, family);
    for (const auto& [name, set] : table.sets) {
      if (!into.sets.emplace(name, set).second) continue;
      if (const auto constants = table.elements.find(name); constants != table.elements.end())
        into.elements.insert(*constants);
    }
    for (const auto& [name, chain] : table.chains) {
      if (chain.base)
        into.chains.insert_or_assign(name, chain);
      else
        into.chains.emplace(name, chain);
    }
  }
  for (const PortStep& port : ports) {
    if (!moves(port)) continue;
    for (const auto& entry : port.after.entries)
      if (!has_set(port.before, entry.set.name))
        table_in(result, Family::Bridge).elements[entry.set.name].insert(entry.elements.begin(), entry.elements.end());
  }
  return result;
}

Ruleset made(const Ruleset& from, const Ruleset& fresh, const std::vector<PortStep>& ports) {
  Ruleset result = joined(from, fresh, ports);
  std::set<std::string> come_to, left;
  for (const PortStep& port : ports) {
    if (!moves(port)) continue;
    come_to.merge(dispatch_only_in(port.after, port.before));
    left.merge(dispatch_only_in(port.before, port.after));
  }
  for (const std::string& name : left) come_to.erase(name);
  for (auto& [name, chain] : table_in(result, Family::Bridge).chains) {
    if (!chain.base) continue;
    const auto comes = [&](const Rule& rule) { return looks_up_one_of(rule, come_to); };
    const auto first = std::find_if(chain.rules.begin(), chain.rules.end(), comes);
    // As they stand is good enough, and rules that stay are ones that all packets know.
    if (std::any_of(first, chain.rules.end(), [&](const Rule& rule) { return looks_up_one_of(rule, left); }))
      std::stable_partition(first, chain.rules.end(), std::not_fn(comes));
  }
  return result;
}

Ruleset to_sweep(const Ruleset& to, const std::vector<PortStep>& ports) {
  Ruleset result = to;
  for (const PortStep& port : ports) {
    if (port.after.entries.empty()) continue;
    for (const auto& entry : port.before.entries) {
      if (is_dispatch(entry.set) || has_set(port.after, entry.set.name)) continue;
      Table& bridge = table_in(result, Family::Bridge);
      bridge.sets.emplace(entry.set.name, entry.set);
      bridge.elements[entry.set.name].insert(entry.elements.begin(), entry.elements.end());
    }
  }
  return result;
}

bool is_unknown_to_packets(const Changes& make) {
  return std::any_of(make.begin(), make.end(), [](const Change& change) {
    return !std::holds_alternative<change::AddSet>(change.what) &&
           !std::holds_alternative<change::AddElements>(change.what);
  });
}

}  // namespace nwf
