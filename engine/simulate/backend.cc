// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/simulate/backend.h"

#include <fmt/format.h>

namespace nwf::simulate {
namespace {

tl::unexpected<Error> refuse(std::string what) { return fail(ErrorKind::Kernel, std::move(what)); }

/// Names of the chains that a verdict of this table goes to, and of the sets that its rules use.
struct Uses {
  std::set<std::string> chains, sets;
};

Uses uses_of(const Table& table) {
  Uses uses;
  const auto verdict = [&](const Verdict& v) {
    if (!v.chain.empty()) uses.chains.insert(v.chain);
  };
  for (const auto& [name, chain] : table.chains)
    for (const Rule& rule : chain.rules)
      for (const Expression& expression : rule.expressions) {
        if (const auto* immediate = std::get_if<expr::Immediate>(&expression)) verdict(immediate->verdict);
        if (const auto* lookup = std::get_if<expr::Lookup>(&expression)) uses.sets.insert(lookup->set);
        if (const auto* dynamic = std::get_if<expr::DynamicSet>(&expression)) uses.sets.insert(dynamic->set);
      }
  for (const auto& [name, elements] : table.elements)
    for (const Element& element : elements)
      if (element.verdict) verdict(*element.verdict);
  return uses;
}

std::set<Element>::iterator of_key(std::set<Element>& elements, const Bytes& key) {
  const auto at = elements.lower_bound(Element{key, std::nullopt});  // no verdict sorts before every verdict
  return at != elements.end() && at->key == key ? at : elements.end();
}

class Applying {
 public:
  explicit Applying(Ruleset& ruleset) : ruleset_(ruleset) {}

  Result<void> apply(const Change& change) {
    family_ = change.family;
    const auto table = ruleset_.tables.find(family_);
    table_ = table == ruleset_.tables.end() ? nullptr : &table->second;
    if (table_ == nullptr && !std::holds_alternative<change::AddTable>(change.what)) return refuse("there is no table");
    return std::visit([this](const auto& what) { return one(what); }, change.what);
  }

 private:
  Result<void> one(const change::AddTable&) {
    ruleset_.tables.emplace(family_, Table{family_, {}, {}, {}});
    return {};
  }
  Result<void> one(const change::DeleteTable&) {
    ruleset_.tables.erase(family_);
    return {};
  }
  Result<void> one(const change::AddChain& c) {
    Chain chain = c.chain;
    chain.rules.clear();
    const auto [there, added] = table_->chains.emplace(chain.name, chain);
    if (!added && there->second.base != chain.base) return refuse(fmt::format("chain {} has another hook", chain.name));
    return {};
  }
  Result<void> one(const change::FlushChain& c) {
    NWF_TRY(Chain * chain, find(c.chain));
    chain->rules.clear();
    return {};
  }
  Result<void> one(const change::DeleteChain& c) {
    NWF_TRY(const Chain* chain, find(c.chain));
    if (!chain->rules.empty()) return refuse(fmt::format("chain {} still has rules", c.chain));
    if (uses_of(*table_).chains.contains(c.chain)) return refuse(fmt::format("chain {} is still gone to", c.chain));
    table_->chains.erase(c.chain);
    return {};
  }
  Result<void> one(const change::AddRule& c) {
    NWF_TRY(Chain * chain, find(c.chain));
    for (const Expression& expression : c.rule.expressions) {
      const auto* immediate = std::get_if<expr::Immediate>(&expression);
      if (immediate != nullptr && !immediate->verdict.chain.empty()) NWF_CHECK(find(immediate->verdict.chain));
      const auto* lookup = std::get_if<expr::Lookup>(&expression);
      if (lookup != nullptr && !table_->sets.contains(lookup->set))
        return refuse(fmt::format("there is no set {}", lookup->set));
    }
    chain->rules.push_back(c.rule);
    return {};
  }
  Result<void> one(const change::AddSet& c) {
    const auto [there, added] = table_->sets.emplace(c.set.name, c.set);
    if (!added && there->second.key != c.set.key) return refuse(fmt::format("set {} has another key", c.set.name));
    return {};
  }
  Result<void> one(const change::DeleteSet& c) {
    if (!table_->sets.contains(c.set)) return refuse(fmt::format("there is no set {}", c.set));
    if (uses_of(*table_).sets.contains(c.set)) return refuse(fmt::format("set {} is still used", c.set));
    table_->sets.erase(c.set);
    table_->elements.erase(c.set);
    return {};
  }
  Result<void> one(const change::AddElements& c) {
    if (!table_->sets.contains(c.set.name)) return refuse(fmt::format("there is no set {}", c.set.name));
    for (const Element& element : c.elements) {
      if (element.verdict && !element.verdict->chain.empty()) NWF_CHECK(find(element.verdict->chain));
      auto& elements = table_->elements[c.set.name];
      const auto there = of_key(elements, element.key);
      if (there == elements.end())
        elements.insert(element);
      else if (c.exclusive || there->verdict != element.verdict)
        return refuse(fmt::format("set {} has an element of this key", c.set.name));
    }
    return {};
  }
  Result<void> one(const change::DeleteElements& c) {
    auto& elements = table_->elements[c.set.name];
    for (const Element& element : c.elements) {
      const auto there = of_key(elements, element.key);
      if (there == elements.end()) return refuse(fmt::format("set {} has no such element", c.set.name));
      elements.erase(there);
    }
    if (elements.empty()) table_->elements.erase(c.set.name);
    return {};
  }

  Result<Chain*> find(const std::string& name) {
    const auto chain = table_->chains.find(name);
    if (chain == table_->chains.end()) return refuse(fmt::format("there is no chain {}", name));
    return &chain->second;
  }

  Ruleset& ruleset_;
  Family family_ = Family::Bridge;
  Table* table_ = nullptr;
};

}  // namespace

Result<Ruleset> applied(const Changes& changes, Ruleset ruleset) {
  Applying applying(ruleset);
  for (const Change& change : changes) NWF_CHECK(applying.apply(change));
  return ruleset;
}

Result<Held> SimulatedKernel::read(const ChainNames& chains) {
  Held held{{}, generation_};
  for (const auto& [family, names] : chains) {
    const auto table = ruleset_.tables.find(family);
    if (table == ruleset_.tables.end()) continue;
    Table& some = held.ruleset.tables.emplace(family, Table{family, {}, table->second.sets, {}}).first->second;
    for (const std::string& name : names)
      if (const auto chain = table->second.chains.find(name); chain != table->second.chains.end())
        some.chains.insert(*chain);
  }
  return held;
}

Result<std::uint32_t> SimulatedKernel::apply(const Changes& changes, std::optional<std::uint32_t> generation) {
  if (generation && *generation != generation_) return fail(ErrorKind::Outdated, "the ruleset was changed meanwhile");
  NWF_TRY(ruleset_, applied(changes, ruleset_));
  evaluator_.reset();
  return ++generation_;
}

Judgement SimulatedKernel::judge(const Packet& packet) {
  if (evaluator_ == nullptr) evaluator_ = std::make_unique<Evaluator>(ruleset_, capabilities_);
  return evaluator_->judge(packet);
}

}  // namespace nwf::simulate
