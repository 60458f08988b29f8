// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/diff.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace nwf {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

Verdict go(std::string chain) { return {VerdictCode::Goto, std::move(chain)}; }

Rule drop(std::string comment) { return {{expr::Immediate{{VerdictCode::Drop, {}}}}, std::move(comment)}; }
Rule jump(std::string chain) { return {{expr::Immediate{{VerdictCode::Jump, chain}}}, "jump " + chain}; }
Rule lookup(std::string set) {
  std::string comment = "in " + set;
  return {{expr::MetaLoad{MetaKey::InterfaceIn, 0}, expr::Lookup{std::move(set), 0, false, false}}, std::move(comment)};
}

Set set_named(std::string name, bool verdict_map = false) {
  Set set;
  set.name = std::move(name);
  set.key = {{KeyType::IfName, 16}};
  set.verdict_map = verdict_map;
  return set;
}

/// A table built up piece by piece.
struct Build {
  Ruleset ruleset;
  explicit Build(Family family = Family::Bridge) { ruleset.tables.emplace(family, Table{family, {}, {}, {}}); }
  Table& table() { return ruleset.tables.begin()->second; }
  Build& chain(const std::string& name, std::vector<Rule> rules, std::optional<BaseHook> base = std::nullopt) {
    table().chains[name] = {name, base, std::move(rules), "about " + name};
    return *this;
  }
  Build& set(Set set) {
    const std::string name = set.name;
    table().sets[name] = std::move(set);
    return *this;
  }
  Build& element(const std::string& set, std::uint8_t key, std::optional<Verdict> verdict = std::nullopt) {
    Bytes name(16);
    name[0] = key;
    table().elements[set].insert({std::move(name), std::move(verdict)});
    return *this;
  }
};

const BaseHook kPrerouting{Hook::Prerouting, -300};

/// Every kind of object, each of them used.
Build busy() {
  return Build()
      .set(set_named("ports"))
      .set(set_named("map", true))
      .chain("base", {lookup("ports"), jump("a")}, kPrerouting)
      .chain("a", {drop("a 1"), drop("a 2")})
      .chain("b", {drop("b 1")})
      .element("ports", 1)
      .element("map", 2, go("b"));
}

/// A plain-data copy of the tables that is as strict as the kernel: what a change needs must be there, and nothing goes
/// that is still used. Throws on what the kernel would refuse.
class Copy {
 public:
  explicit Copy(Ruleset start) : now_(std::move(start)) {}

  void apply(const Change& change) {
    family_ = change.family;
    std::visit([this](const auto& what) { (*this)(what); }, change.what);
  }

  /// Sets without elements are not told apart from those with an empty set of them.
  Ruleset now() const {
    Ruleset tidy = now_;
    for (auto& [family, table] : tidy.tables)
      std::erase_if(table.elements, [](const auto& e) { return e.second.empty(); });
    return tidy;
  }

 private:
  static void need(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error("the kernel would refuse: " + what);
  }
  Table& table() {
    const auto found = now_.tables.find(family_);
    need(found != now_.tables.end(), "no table");
    return found->second;
  }
  Chain& chain(const std::string& name) {
    const auto found = table().chains.find(name);
    need(found != table().chains.end(), "no chain " + name);
    return found->second;
  }
  void need_target(const Verdict& verdict) {
    if (!verdict.chain.empty()) need(table().chains.contains(verdict.chain), "no chain to go to: " + verdict.chain);
  }
  bool goes_to(const std::string& name) {
    for (const auto& [own, each] : table().chains)
      for (const Rule& rule : each.rules)
        for (const Expression& expression : rule.expressions)
          if (const auto* immediate = std::get_if<expr::Immediate>(&expression))
            if (immediate->verdict.chain == name) return true;
    for (const auto& [own, elements] : table().elements)
      for (const Element& element : elements)
        if (element.verdict && element.verdict->chain == name) return true;
    return false;
  }
  bool looks_up(const std::string& name) {
    for (const auto& [own, each] : table().chains)
      for (const Rule& rule : each.rules)
        for (const Expression& expression : rule.expressions) {
          if (const auto* use = std::get_if<expr::Lookup>(&expression); use != nullptr && use->set == name) return true;
          if (const auto* use = std::get_if<expr::DynamicSet>(&expression); use != nullptr && use->set == name)
            return true;
        }
    return false;
  }
  void need_set(const Set& set) {
    const auto found = table().sets.find(set.name);
    need(found != table().sets.end(), "no set " + set.name);
    need(found->second.key == set.key && found->second.verdict_map == set.verdict_map, "another set " + set.name);
  }

  void operator()(const change::AddTable&) { now_.tables.emplace(family_, Table{family_, {}, {}, {}}); }
  void operator()(const change::DeleteTable&) { need(now_.tables.erase(family_) == 1, "no table"); }
  void operator()(const change::AddChain& c) {
    Chain empty = c.chain;
    empty.rules.clear();
    const auto [there, added] = table().chains.emplace(empty.name, empty);
    need(added || there->second.base == empty.base, "another hook of " + empty.name);
  }
  void operator()(const change::FlushChain& c) { chain(c.chain).rules.clear(); }
  void operator()(const change::DeleteChain& c) {
    need(chain(c.chain).rules.empty(), "rules in " + c.chain);
    need(!goes_to(c.chain), "something goes to " + c.chain);
    table().chains.erase(c.chain);
  }
  void operator()(const change::AddRule& c) {
    for (const Expression& expression : c.rule.expressions) {
      if (const auto* immediate = std::get_if<expr::Immediate>(&expression)) need_target(immediate->verdict);
      if (const auto* use = std::get_if<expr::Lookup>(&expression))
        need(table().sets.contains(use->set), "no set to look up: " + use->set);
      if (const auto* use = std::get_if<expr::DynamicSet>(&expression))
        need(table().sets.contains(use->set), "no set to add to: " + use->set);
    }
    chain(c.chain).rules.push_back(c.rule);
  }
  void operator()(const change::AddSet& c) {
    need(table().sets.emplace(c.set.name, c.set).second, "a second set " + c.set.name);
  }
  void operator()(const change::DeleteSet& c) {
    need(table().sets.contains(c.set), "no set " + c.set);
    need(!looks_up(c.set), "a rule looks up " + c.set);
    table().sets.erase(c.set);
    table().elements.erase(c.set);
  }
  void operator()(const change::AddElements& c) {
    need_set(c.set);
    for (const Element& element : c.elements) {
      need(element.verdict.has_value() == c.set.verdict_map, "an element of another kind");
      if (element.verdict) need_target(*element.verdict);
      auto& elements = table().elements[c.set.name];
      const bool there =
          std::any_of(elements.begin(), elements.end(), [&](const Element& e) { return e.key == element.key; });
      need(!there, "two elements with one key in " + c.set.name);
      elements.insert(element);
    }
  }
  void operator()(const change::DeleteElements& c) {
    need_set(c.set);
    for (const Element& element : c.elements)
      need(table().elements[c.set.name].erase(element) == 1, "no such element in " + c.set.name);
  }

  Ruleset now_;
  Family family_ = Family::Bridge;
};

/// What becomes of `before`, or why the kernel would not do it.
Result<Ruleset> applied(const Changes& changes, const Ruleset& before) {
  Copy copy(before);
  for (const Change& change : changes) {
    try {
      copy.apply(change);
    } catch (const std::runtime_error& refused) {
      return fail(ErrorKind::Kernel, fmt::format("{}: {}", describe({change})[0], refused.what()));
    }
  }
  return copy.now();
}

void expect_leads_to(const Ruleset& before, const Ruleset& after) {
  const auto reached = applied(diff(before, after), before);
  ASSERT_TRUE(reached) << describe(reached.error());
  EXPECT_EQ(*reached, after);
}

/// 0 for what makes room, 1 for rules, 2 for elements, 3 for what takes away: the order promised within a family.
int phase(const Change& change, const Ruleset& after) {
  const auto stays = [&](const std::string& chain) {
    const auto table = after.tables.find(change.family);
    return table != after.tables.end() && table->second.chains.contains(chain);
  };
  if (std::holds_alternative<change::AddSet>(change.what) || std::holds_alternative<change::AddChain>(change.what) ||
      std::holds_alternative<change::AddTable>(change.what))
    return 0;
  if (std::holds_alternative<change::AddRule>(change.what)) return 1;
  if (const auto* flush = std::get_if<change::FlushChain>(&change.what)) return stays(flush->chain) ? 1 : 3;
  if (std::holds_alternative<change::AddElements>(change.what)) return 2;
  return 3;
}

void expect_promised_order(const Changes& changes, const Ruleset& after) {
  std::map<Family, int> reached;
  for (const Change& change : changes) {
    // Old elements hold chains that go: they have to be away early, and nothing needs them.
    if (std::holds_alternative<change::DeleteElements>(change.what)) continue;
    if (std::holds_alternative<change::DeleteTable>(change.what)) continue;
    const int now = phase(change, after);
    EXPECT_GE(now, reached[change.family]) << describe({change})[0];
    reached[change.family] = std::max(reached[change.family], now);
  }
}

TEST(Diff, EqualRulesetsGiveNoChanges) {
  for (const Ruleset& ruleset : {Ruleset{}, Build().ruleset, busy().ruleset, Build(Family::Inet).ruleset})
    EXPECT_THAT(describe(diff(ruleset, ruleset)), IsEmpty());
}

TEST(Diff, FromNothingEverythingIsMade) {
  const Ruleset after = busy().ruleset;
  const Changes changes = diff({}, after);
  expect_leads_to({}, after);
  expect_promised_order(changes, after);
  ASSERT_FALSE(changes.empty());
  EXPECT_TRUE(std::holds_alternative<change::AddTable>(changes.front().what));
}

TEST(Diff, ToNothingTheTableGoes) {
  EXPECT_THAT(describe(diff(busy().ruleset, {})), ElementsAre("delete table bridge nwf"));
  expect_leads_to(busy().ruleset, {});
}

TEST(Diff, FamiliesAreChangedEachForItself) {
  Ruleset before = busy().ruleset;
  Ruleset after = before;
  after.tables.emplace(Family::Inet, Build(Family::Inet).chain("c", {drop("c 1")}).table());
  const auto added = describe(diff(before, after));
  EXPECT_THAT(added, ElementsAre("add table inet nwf", "add chain inet c", "add rule to chain inet c: c 1"));
  expect_leads_to(before, after);
  EXPECT_THAT(describe(diff(after, before)), ElementsAre("delete table inet nwf"));
}

TEST(Diff, ABindIsElementsAlone) {
  const Ruleset before = busy().ruleset;
  const Ruleset after = busy().element("ports", 7).element("ports", 8).element("map", 9, go("b")).ruleset;
  EXPECT_THAT(describe(diff(before, after)),
              ElementsAre("add 1 element to bridge map", "add 2 elements to bridge ports"));
  EXPECT_THAT(describe(diff(after, before)),
              ElementsAre("delete 1 element from bridge map", "delete 2 elements from bridge ports"));
  expect_leads_to(before, after);
  expect_leads_to(after, before);
}

TEST(Diff, AChangedChainIsFlushedAndRefilledInOrder) {
  const Ruleset before = busy().ruleset;
  const std::vector<std::vector<Rule>> rules = {
      {drop("a 1"), drop("new")},              // another rule
      {drop("a 2"), drop("a 1")},              // another order
      {drop("a 1")},                           // one less
      {drop("a 1"), drop("a 2"), drop("a 3")}  // one more
  };
  for (const auto& wanted : rules) {
    const Ruleset after = busy().chain("a", wanted).ruleset;
    std::vector<std::string> lines = {"replace the rules of chain bridge a"};
    for (const Rule& rule : wanted) lines.push_back("add rule to chain bridge a: " + rule.comment);
    EXPECT_EQ(describe(diff(before, after)), lines);
    expect_leads_to(before, after);
  }
}

TEST(Diff, AChainThatLosesItsRulesIsOnlyFlushed) {
  const Ruleset before = busy().ruleset, after = busy().chain("a", {}).ruleset;
  EXPECT_THAT(describe(diff(before, after)), ElementsAre("replace the rules of chain bridge a"));
  EXPECT_THAT(describe(diff(after, before)),
              ElementsAre("add rule to chain bridge a: a 1", "add rule to chain bridge a: a 2"))
      << "there is nothing to flush";
}

TEST(Diff, ARulesCommentAloneIsAChange) {
  const Ruleset after = busy().chain("b", {drop("b 1, moved")}).ruleset;
  EXPECT_THAT(describe(diff(busy().ruleset, after)), Contains("add rule to chain bridge b: b 1, moved"));
  expect_leads_to(busy().ruleset, after);
}

// The kernel keeps them for the life of the object, and nothing depends on them.
TEST(Diff, CommentsOfChainsAndSetsAreNoReasonForAChange) {
  Ruleset after = busy().ruleset;
  for (auto& [name, chain] : after.tables.at(Family::Bridge).chains) chain.comment = "another";
  for (auto& [name, set] : after.tables.at(Family::Bridge).sets) set.comment = "another";
  EXPECT_THAT(describe(diff(busy().ruleset, after)), IsEmpty());
}

TEST(Diff, WhatIsUsedComesBeforeItsUsers) {
  const Ruleset before = busy().ruleset;
  const Ruleset after = busy()
                            .set(set_named("more"))
                            .chain("c", {lookup("more"), drop("c 1")})
                            .chain("base", {lookup("ports"), jump("c")}, kPrerouting)
                            .element("more", 1)
                            .element("map", 3, go("c"))
                            .ruleset;
  expect_promised_order(diff(before, after), after);
  expect_leads_to(before, after);
}

TEST(Diff, WhatGoesIsNoLongerUsed) {
  const Ruleset before = busy()
                             .set(set_named("more"))
                             .chain("c", {lookup("more"), jump("d")})
                             .chain("d", {drop("d 1")})
                             .chain("base", {lookup("ports"), jump("c")}, kPrerouting)
                             .element("more", 1)
                             .element("map", 3, go("c"))
                             .ruleset;
  expect_promised_order(diff(before, busy().ruleset), busy().ruleset);
  expect_leads_to(before, busy().ruleset);
}

TEST(Diff, ChainsThatGoTogetherMayJumpToEachOtherEitherWay) {
  for (const auto& [from, to] : {std::pair("x", "y"), std::pair("y", "x")}) {
    const Ruleset before = busy().chain(from, {jump(to)}).chain(to, {drop("end")}).ruleset;
    expect_leads_to(before, busy().ruleset);
  }
}

TEST(Diff, AnElementsOtherVerdictTakesThePlaceOfTheOld) {
  const Ruleset before = busy().ruleset;
  Ruleset after = before;
  auto& elements = after.tables.at(Family::Bridge).elements.at("map");
  Element moved = *elements.begin();
  moved.verdict = go("a");
  elements = {moved};
  EXPECT_THAT(describe(diff(before, after)),
              ElementsAre("delete 1 element from bridge map", "add 1 element to bridge map"));
  expect_leads_to(before, after);
}

TEST(Diff, AnotherHookReplacesTheTableInTheSameTransaction) {
  const std::vector<std::optional<BaseHook>> hooks = {BaseHook{Hook::Prerouting, -299},
                                                      BaseHook{Hook::Postrouting, -300}, std::nullopt};
  for (const auto& hook : hooks) {
    const Ruleset after = busy().chain("base", {lookup("ports"), jump("a")}, hook).ruleset;
    const Changes changes = diff(busy().ruleset, after);
    ASSERT_GE(changes.size(), 2U);
    EXPECT_EQ(describe(changes)[0], "delete table bridge nwf");
    EXPECT_EQ(describe(changes)[1], "add table bridge nwf");
    expect_promised_order(changes, after);
    expect_leads_to(busy().ruleset, after);
    expect_leads_to(after, busy().ruleset);
  }
}

TEST(Diff, ASetOfAnotherKindReplacesTheTable) {
  const auto with = [](auto change) {
    Build made = busy();
    change(made.table().sets.at("ports"));
    made.table().elements.erase("ports");
    return made.ruleset;
  };
  const std::vector<Ruleset> changed = {
      with([](Set& s) {
        s.key = {{KeyType::IfName, 16}, {KeyType::Ipv4Addr, 4}};
      }),
      with([](Set& s) { s.verdict_map = true; }),
      with([](Set& s) { s.dynamic = true; }),
      with([](Set& s) { s.timeout_seconds = 1; }),
      with([](Set& s) { s.size = 10; }),
  };
  for (const Ruleset& after : changed) {
    EXPECT_THAT(describe(diff(busy().ruleset, after)), Contains("delete table bridge nwf"));
    expect_leads_to(busy().ruleset, after);
  }
}

TEST(Diff, ReplacingOneFamilysTableLeavesTheOthersAlone) {
  Ruleset before = busy().ruleset;
  before.tables.emplace(Family::Inet, Build(Family::Inet).chain("c", {drop("c 1")}, BaseHook{Hook::Input, -1}).table());
  Ruleset after = before;
  after.tables.at(Family::Inet).chains.at("c").base = BaseHook{Hook::Forward, -1};
  for (const Change& change : diff(before, after)) EXPECT_EQ(change.family, Family::Inet);
  expect_leads_to(before, after);
}

TEST(Diff, AHookThatComesOrGoesNeedsNoNewTable) {
  const Ruleset more = busy().chain("late", {drop("late")}, BaseHook{Hook::Postrouting, 300}).ruleset;
  EXPECT_THAT(describe(diff(busy().ruleset, more)), Not(Contains("delete table bridge nwf")));
  EXPECT_THAT(describe(diff(more, busy().ruleset)), Not(Contains("delete table bridge nwf")));
  expect_leads_to(busy().ruleset, more);
  expect_leads_to(more, busy().ruleset);
}

/// Rulesets that a kernel could hold, from few names, so that two of them have much in common.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}

  Ruleset ruleset() {
    Ruleset made;
    for (const Family family : {Family::Bridge, Family::Inet})
      if (one_in(5) == false) made.tables.emplace(family, table(family));
    return made;
  }

 private:
  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(engine_); }
  bool one_in(std::size_t n) { return below(n) == 0; }

  Table table(Family family) {
    Table table{family, {}, {}, {}};
    for (int i = 0; i < 5; ++i)
      if (!one_in(3)) {
        Set set = set_named(fmt::format("s{}", i), i % 2 == 1);
        if (one_in(40)) set.key.push_back({KeyType::Ipv4Addr, 4});
        set.comment = "about " + set.name;
        table.sets.emplace(set.name, set);
      }
    std::vector<std::string> names;
    for (int i = 0; i < 6; ++i)
      if (!one_in(3)) names.push_back(fmt::format("c{}", (i * 5) % 6));
    // Rules go to chains further on only, as the kernel refuses loops.
    for (std::size_t i = 0; i < names.size(); ++i) {
      Chain chain;
      chain.name = names[i];
      chain.comment = "about " + chain.name;
      if (names[i] < "c2") chain.base = BaseHook{Hook::Prerouting, one_in(40) ? 1 : -300};
      for (std::size_t rules = below(4); rules > 0; --rules) chain.rules.push_back(rule(table, names, i));
      table.chains.emplace(chain.name, chain);
    }
    fill(table);
    return table;
  }

  Rule rule(const Table& table, const std::vector<std::string>& names, std::size_t at) {
    if (at + 1 < names.size() && one_in(2)) {
      const std::string& target = names[at + 1 + below(names.size() - at - 1)];
      if (target >= "c2") return jump(target);
    }
    if (!table.sets.empty() && one_in(2))
      return lookup(std::next(table.sets.begin(), static_cast<int>(below(table.sets.size())))->first);
    return drop(fmt::format("rule {}", below(4)));
  }

  void fill(Table& table) {
    for (const auto& [name, set] : table.sets)
      for (std::uint8_t key = 0; key < 4; ++key) {
        if (one_in(2)) continue;
        Bytes bytes(key_length(set.key));
        bytes[0] = key;
        std::optional<Verdict> verdict;
        if (set.verdict_map) verdict = verdict_in(table);
        table.elements[name].insert({std::move(bytes), std::move(verdict)});
      }
  }

  Verdict verdict_in(const Table& table) {
    std::vector<std::string> targets;
    for (const auto& [name, chain] : table.chains)
      if (!chain.base) targets.push_back(name);
    if (targets.empty() || one_in(3)) return {VerdictCode::Drop, {}};
    return go(targets[below(targets.size())]);
  }

  std::mt19937 engine_;
};

TEST(DiffProperty, ChangesLeadFromAnyRulesetToAnyOtherInThePromisedOrder) {
  Random random(20240611);
  Ruleset before;
  for (int i = 0; i < 3000; ++i) {
    const Ruleset after = random.ruleset();
    SCOPED_TRACE(fmt::format("step {}: {}", i, fmt::join(describe(diff(before, after)), "\n")));
    expect_promised_order(diff(before, after), after);
    expect_leads_to(before, after);
    if (HasFailure()) return;
    before = after;
  }
}

TEST(DiffProperty, NothingIsLeftToChangeOnceTheChangesAreDone) {
  Random random(7);
  Ruleset before;
  for (int i = 0; i < 500; ++i) {
    const Ruleset after = random.ruleset();
    const auto reached = applied(diff(before, after), before);
    ASSERT_TRUE(reached) << describe(reached.error());
    EXPECT_THAT(describe(diff(*reached, after)), IsEmpty()) << i;
    before = after;
  }
}

TEST(Describe, SaysEveryKindOfChangeInWords) {
  const Set ports = set_named("ports");
  const std::vector<std::pair<decltype(Change::what), std::string>> cases = {
      {change::AddTable{}, "add table bridge nwf"},
      {change::DeleteTable{}, "delete table bridge nwf"},
      {change::AddChain{{"c", std::nullopt, {}, {}}}, "add chain bridge c"},
      {change::FlushChain{"c"}, "replace the rules of chain bridge c"},
      {change::DeleteChain{"c"}, "delete chain bridge c"},
      {change::AddRule{"c", drop("web rule 1 line 2")}, "add rule to chain bridge c: web rule 1 line 2"},
      {change::AddSet{ports}, "add set bridge ports"},
      {change::DeleteSet{"ports"}, "delete set bridge ports"},
      {change::AddElements{ports, {{Bytes(16), std::nullopt}}, false}, "add 1 element to bridge ports"},
      {change::AddElements{ports, std::vector<Element>(3), true}, "add 3 elements to bridge ports"},
      {change::DeleteElements{ports, {{Bytes(16), std::nullopt}}}, "delete 1 element from bridge ports"},
      {change::DeleteElements{ports, std::vector<Element>(2)}, "delete 2 elements from bridge ports"},
  };
  Changes all;
  std::vector<std::string> lines;
  for (const auto& [what, line] : cases) {
    all.push_back({Family::Bridge, what});
    lines.push_back(line);
  }
  EXPECT_EQ(describe(all), lines) << "a line each, in order";
  EXPECT_THAT(describe({{Family::Inet, change::DeleteChain{"c"}}}), ElementsAre("delete chain inet c"));
  EXPECT_THAT(describe(Changes{}), IsEmpty());
}

}  // namespace
}  // namespace nwf
