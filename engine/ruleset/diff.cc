// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/diff.h"

#include <fmt/format.h>

#include <algorithm>

namespace nwf {
namespace {

using Elements = std::set<Element>;

const Elements& elements_in(const Table& table, const std::string& set) {
  static const Elements kNone;
  const auto found = table.elements.find(set);
  return found == table.elements.end() ? kNone : found->second;
}

std::vector<Element> missing_from(const Elements& all, const Elements& some) {
  std::vector<Element> result;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::back_inserter(result));
  return result;
}

/// True when a set or a base chain of both tables cannot be turned into the other in place.
bool must_be_replaced(const Table& before, const Table& after) {
  for (const auto& [name, set] : after.sets) {
    const auto old = before.sets.find(name);
    if (old == before.sets.end()) continue;
    Set renamed = old->second;
    renamed.comment = set.comment;
    if (renamed != set) return true;
  }
  return std::any_of(after.chains.begin(), after.chains.end(), [&](const auto& chain) {
    const auto old = before.chains.find(chain.first);
    return old != before.chains.end() && old->second.base != chain.second.base;
  });
}

class TableDiff {
 public:
  TableDiff(const Table& before, const Table& after, Changes& out) : before_(before), after_(after), out_(out) {}

  void run() {
    for (const auto& [name, set] : after_.sets)
      if (!before_.sets.contains(name)) add(change::AddSet{set});
    for (const auto& [name, chain] : after_.chains) {
      if (!before_.chains.contains(name)) {
        Chain empty = chain;
        empty.rules.clear();
        add(change::AddChain{std::move(empty)});
      }
    }
    for (const auto& [name, set] : before_.sets) {
      // A set that goes takes its elements along. Those of a map first let go of the chains they lead to.
      if (!set.verdict_map && !after_.sets.contains(name)) continue;
      if (auto gone = missing_from(elements_in(before_, name), elements_in(after_, name)); !gone.empty())
        add(change::DeleteElements{set, std::move(gone)});
    }
    for (const auto& [name, chain] : after_.chains) refill(name, chain);
    for (const auto& [name, set] : after_.sets)
      if (auto fresh = missing_from(elements_in(after_, name), elements_in(before_, name)); !fresh.empty())
        add(change::AddElements{set, std::move(fresh), false});
    // Chains that go may jump to each other: first all become empty, then none is referred to.
    for (const bool deleting : {false, true})
      for (const auto& [name, chain] : before_.chains)
        if (!after_.chains.contains(name)) {
          if (deleting)
            add(change::DeleteChain{name});
          else if (!chain.rules.empty())
            add(change::FlushChain{name});
        }
    for (const auto& [name, set] : before_.sets)
      if (!after_.sets.contains(name)) add(change::DeleteSet{name});
  }

 private:
  template <class T>
  void add(T what) {
    out_.push_back({after_.family, std::move(what)});
  }

  void refill(const std::string& name, const Chain& chain) {
    const auto old = before_.chains.find(name);
    if (old != before_.chains.end()) {
      if (old->second.rules == chain.rules) return;
      if (!old->second.rules.empty()) add(change::FlushChain{name});
    }
    for (const Rule& rule : chain.rules) add(change::AddRule{name, rule});
  }

  const Table& before_;
  const Table& after_;
  Changes& out_;
};

struct Describe {
  std::string_view family;
  std::string_view table;
  std::string operator()(const change::AddTable&) const { return fmt::format("add table {} {}", family, table); }
  std::string operator()(const change::DeleteTable&) const { return fmt::format("delete table {} {}", family, table); }
  std::string operator()(const change::AddChain& c) const {
    return fmt::format("add chain {} {}", family, c.chain.name);
  }
  std::string operator()(const change::FlushChain& c) const {
    return fmt::format("replace the rules of chain {} {}", family, c.chain);
  }
  std::string operator()(const change::DeleteChain& c) const {
    return fmt::format("delete chain {} {}", family, c.chain);
  }
  std::string operator()(const change::AddRule& c) const {
    return fmt::format("add rule to chain {} {}: {}", family, c.chain, c.rule.comment);
  }
  std::string operator()(const change::AddSet& c) const { return fmt::format("add set {} {}", family, c.set.name); }
  std::string operator()(const change::DeleteSet& c) const { return fmt::format("delete set {} {}", family, c.set); }
  std::string operator()(const change::AddElements& c) const {
    return fmt::format("add {} element{} to {} {}", c.elements.size(), c.elements.size() == 1 ? "" : "s", family,
                       c.set.name);
  }
  std::string operator()(const change::DeleteElements& c) const {
    return fmt::format("delete {} element{} from {} {}", c.elements.size(), c.elements.size() == 1 ? "" : "s", family,
                       c.set.name);
  }
};

}  // namespace

Changes diff(const Ruleset& before, const Ruleset& after) {
  Changes changes;
  for (const auto& [family, table] : after.tables) {
    const auto old = before.tables.find(family);
    if (old != before.tables.end() && !must_be_replaced(old->second, table)) {
      TableDiff(old->second, table, changes).run();
      continue;
    }
    if (old != before.tables.end()) changes.push_back({family, change::DeleteTable{}});
    changes.push_back({family, change::AddTable{}});
    TableDiff(Table{family, {}, {}, {}}, table, changes).run();
  }
  for (const auto& [family, table] : before.tables)
    if (!after.tables.contains(family)) changes.push_back({family, change::DeleteTable{}});
  return changes;
}

std::vector<std::string> describe(const Changes& changes, std::string_view table) {
  std::vector<std::string> lines;
  lines.reserve(changes.size());
  for (const Change& change : changes)
    lines.push_back(std::visit(Describe{change.family == Family::Bridge ? "bridge" : "inet", table}, change.what));
  return lines;
}

}  // namespace nwf
