// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/implied_tests.h"

#include <algorithm>
#include <map>

#include "engine/program/optimise/facts.h"
#include "engine/program/optimise/keep.h"

namespace nwf {
namespace {

/// Goes through a flow with what is known at each place.
///
/// Side condition: the facts at a place hold for every packet that comes to it. They are gathered from: the guard of
/// the chain; rules that end the chain and did not match; tests without which no rule of a chain that was jumped to
/// returns from it (in the ethernet layer a chain's end accepts, so nothing else comes back; in the inet layer a chain
/// is never come back from). A chain with several jumps to it knows what all of them know. A test is left out when the
/// facts say it holds, a rule when they say that it does not match.
class Simplify {
 public:
  Simplify(Flow& flow, Layer layer) : flow_(flow), layer_(layer), entry_(flow.chains.size()) {}

  void run() {
    entry_[0].emplace();
    for (const std::size_t index : from_the_root()) {
      if (!entry_[index]) {
        flow_.chains[index].entries.clear();  // no packet comes to it
        continue;
      }
      if (guard_known_[index]) flow_.chains[index].guard.reset();
      chain(flow_.chains[index], *entry_[index]);
    }
  }

 private:
  /// Every chain behind all that jump to it: whoever looks at a chain that it jumps to finds it as it was.
  std::vector<std::size_t> from_the_root() const {
    std::vector<std::size_t> order;
    std::vector<bool> done(flow_.chains.size());
    visit(0, done, order);
    std::reverse(order.begin(), order.end());
    return order;
  }
  void visit(std::size_t index, std::vector<bool>& done, std::vector<std::size_t>& order) const {
    if (done[index]) return;
    done[index] = true;
    for (const ProgramEntry& entry : flow_.chains[index].entries)
      if (const auto* target = std::get_if<std::size_t>(&entry.what)) visit(*target, done, order);
    order.push_back(index);
  }

  void chain(ProgramChain& chain, Facts facts) {
    std::vector<ProgramEntry> kept;
    for (ProgramEntry& entry : chain.entries) {
      bool goes_on = true;
      if (const auto* target = std::get_if<std::size_t>(&entry.what)) {
        const auto enters = enters_chain(*target, facts);
        if (enters == false) continue;
        goes_on = behind_jump(*target, enters == true, facts);
        kept.push_back(std::move(entry));
      } else {
        auto& rule = std::get<ProgramRule>(entry.what);
        if (rule.action == Action::Continue || !has_side_effect(rule)) {
          if (rule.action == Action::Continue || facts.value(rule.tests) == false) continue;
          goes_on = behind_rule(rule, facts);
        }
        kept.push_back(std::move(entry));
      }
      if (!goes_on) break;
    }
    chain.entries = std::move(kept);
  }

  std::optional<bool> enters_chain(std::size_t target, const Facts& facts) const {
    const auto& guard = flow_.chains[target].guard;
    return guard ? facts.value(*guard) : std::optional<bool>(true);
  }

  /// Hands the facts to the chain, and becomes what is known behind the jump. False: no packet comes there.
  bool behind_jump(std::size_t target, bool always, Facts& facts) {
    const auto& guard = flow_.chains[target].guard;
    Facts inside = facts;
    if (guard) inside.holds(*guard);
    const bool first = !entry_[target];
    guard_known_[target] = always && (first || guard_known_[target]);
    entry_[target] = first ? inside : Facts::both(*entry_[target], inside);

    Facts passed = facts;
    if (guard) passed.fails({*guard});
    const auto back = returns(target);
    if (!back) {
      facts = std::move(passed);
      return !always;
    }
    for (const Test& test : *back) inside.holds(test);
    facts = always ? std::move(inside) : Facts::both(inside, passed);
    return true;
  }

  /// What holds for all packets that come back from a chain; nothing when none does.
  std::optional<std::vector<Test>> returns(std::size_t index) const {
    if (layer_ == Layer::Inet) return std::nullopt;
    std::optional<std::vector<Test>> common;
    for (const ProgramEntry& entry : flow_.chains[index].entries) {
      const auto* rule = std::get_if<ProgramRule>(&entry.what);
      if (rule == nullptr || rule->action != Action::Return) continue;
      if (!common)
        common = rule->tests;
      else
        std::erase_if(*common, [&](const Test& test) {
          return std::find(rule->tests.begin(), rule->tests.end(), test) == rule->tests.end();
        });
    }
    // A test that does something is not one to rely on.
    if (common)
      std::erase_if(*common, [](const Test& test) {
        return std::holds_alternative<test::GratuitousArp>(test) || std::holds_alternative<test::ConnectionLimit>(test);
      });
    return common;
  }

  /// Leaves out what is known. False: the rule matches whatever comes to it.
  static bool behind_rule(ProgramRule& rule, Facts& facts) {
    std::vector<bool> needed = facts.implied(rule.tests);
    needed.flip();
    std::vector<Test> open, kept;
    bool inside = false;
    for (std::size_t i = 0; i < rule.tests.size(); ++i)
      if (needed[i]) {
        open.push_back(rule.tests[i]);
        inside = inside || looks_inside(rule.tests[i]);
      }
    for (std::size_t i = 0; i < rule.tests.size(); ++i)
      if (needed[i] || (inside && names_protocol(rule.tests[i]))) kept.push_back(rule.tests[i]);
    rule.tests = std::move(kept);
    const bool always = open.empty();
    facts.fails(std::move(open));
    return !always;
  }

  Flow& flow_;
  const Layer layer_;
  std::vector<std::optional<Facts>> entry_;
  std::map<std::size_t, bool> guard_known_;
};

}  // namespace

Program implied_tests(Program program) {
  for (std::size_t index = 0; index < kFlowCount; ++index)
    if (!program.flows[index].empty()) Simplify(program.flows[index], flow_layer(index)).run();
  return program;
}

}  // namespace nwf
