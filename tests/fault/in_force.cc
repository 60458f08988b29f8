// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fault/in_force.h"

#include <algorithm>

namespace nwf::test {
namespace {

constexpr std::size_t kNameBytes = 16;

bool names_port(const Set& set) { return !set.key.empty() && set.key[0].type == KeyType::IfName; }
bool leads_port(const Set& set) { return names_port(set) && set.key.size() == 1; }

class InForce {
 public:
  InForce(const Table& table, Table& out) : table_(table), out_(out) {}

  void run() {
    for (const auto& [name, chain] : table_.chains)
      if (chain.base) base(chain);
  }

 private:
  const std::set<Element>& elements(const std::string& set) const {
    static const std::set<Element> kNone;
    const auto found = table_.elements.find(set);
    return found == table_.elements.end() ? kNone : found->second;
  }

  void base(const Chain& chain) {
    Chain rest = chain;
    rest.rules.clear();
    std::map<Bytes, Verdict> found;
    for (const Rule& rule : chain.rules)
      if (const Set* set = looked_up_port(rule))
        for (const Element& element : elements(set->name))
          found.emplace(element.key, element.verdict ? *element.verdict : verdict(rule));
      else
        rest.rules.push_back(rule);
    Set map{"found by " + chain.name, {{KeyType::IfName, kNameBytes}}, true, false, 0, 0, {}};
    for (const auto& [port, where] : found) {
      out_.elements[map.name].insert({port, where});
      if (!where.chain.empty()) visit(where.chain, port);
    }
    if (!found.empty()) out_.sets.emplace(map.name, map);
    if (!rest.rules.empty()) {
      out_.chains.emplace(rest.name, rest);
      lookups(rest, {});
    }
  }

  const Set* looked_up_port(const Rule& rule) const {
    for (const Expression& expression : rule.expressions)
      if (const auto* lookup = std::get_if<expr::Lookup>(&expression))
        if (const auto set = table_.sets.find(lookup->set); set != table_.sets.end() && leads_port(set->second))
          return &set->second;
    return nullptr;
  }

  static Verdict verdict(const Rule& rule) {
    for (const Expression& expression : rule.expressions)
      if (const auto* immediate = std::get_if<expr::Immediate>(&expression)) return immediate->verdict;
    return {};
  }

  /// `port` comes to the chain; an empty one for whoever comes.
  void visit(const std::string& name, const Bytes& port) {
    if (!visited_.emplace(name, port).second) return;
    const auto chain = table_.chains.find(name);
    if (chain == table_.chains.end()) return;
    out_.chains.insert(*chain);
    lookups(chain->second, port);
  }

  void lookups(const Chain& chain, const Bytes& port) {
    for (const Rule& rule : chain.rules)
      for (const Expression& expression : rule.expressions) {
        if (const auto* immediate = std::get_if<expr::Immediate>(&expression))
          if (!immediate->verdict.chain.empty()) visit(immediate->verdict.chain, port);
        if (const auto* lookup = std::get_if<expr::Lookup>(&expression)) keep(lookup->set, port);
      }
  }

  void keep(const std::string& name, const Bytes& port) {
    const auto set = table_.sets.find(name);
    if (set == table_.sets.end()) return;
    out_.sets.insert(*set);
    for (const Element& element : elements(name)) {
      const bool other = names_port(set->second) && !std::equal(port.begin(), port.end(), element.key.begin());
      if (!other) out_.elements[name].insert(element);
      if (!other && element.verdict && !element.verdict->chain.empty()) visit(element.verdict->chain, port);
    }
  }

  const Table& table_;
  Table& out_;
  std::set<std::pair<std::string, Bytes>> visited_;
};

}  // namespace

Ruleset in_force(const Ruleset& ruleset) {
  Ruleset result;
  for (const auto& [family, table] : ruleset.tables) {
    Table out{family, {}, {}, {}};
    InForce(table, out).run();
    if (!out.chains.empty() || !out.sets.empty()) result.tables.emplace(family, std::move(out));
  }
  return result;
}

}  // namespace nwf::test
