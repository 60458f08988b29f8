// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/layer_by_layer.h"

#include <algorithm>
#include <iterator>

#include "engine/program/program.h"
#include "engine/ruleset/drops.h"
#include "engine/ruleset/fingerprint.h"

namespace nwf {
namespace {

constexpr std::string_view kWas = ".was";

bool is_of(const Chain& chain, const std::string& entry) {
  return !entry.empty() && (chain.name == entry || chain.name.starts_with(entry + "."));
}

/// Whatever line they come from.
bool judge_alike(const Chain& a, const Chain& b) {
  return a.name == b.name && std::ranges::equal(a.rules, b.rules, [](const Rule& one, const Rule& other) {
           return without_count(one.expressions) == without_count(other.expressions);
         });
}

std::vector<Chain> chains_of(const LoweredProgram& program, std::size_t flow) {
  std::vector<Chain> chains;
  std::ranges::copy_if(program.chains, std::back_inserter(chains),
                       [&](const Chain& chain) { return is_of(chain, program.entry[flow]); });
  return chains;
}

/// The chain under another name, as others that are renamed like it lead to it; what it accepts goes on behind the
/// jump.
Chain set_aside(Chain chain, const std::string& entry) {
  chain.name += kWas;
  for (Rule& rule : chain.rules)
    for (Expression& expression : rule.expressions) {
      auto* immediate = std::get_if<expr::Immediate>(&expression);
      if (immediate == nullptr) continue;
      Verdict& verdict = immediate->verdict;
      if (verdict.code == VerdictCode::Accept) verdict.code = VerdictCode::Return;
      if (is_of(Chain{verdict.chain, {}, {}, {}}, entry)) verdict.chain += kWas;
    }
  return chain;
}

std::vector<Chain> inet_of_both(const LoweredProgram& before, const LoweredProgram& after, std::size_t flow) {
  std::vector<Chain> old = chains_of(before, flow), both = chains_of(after, flow);
  if (old.empty()) return both;
  if (both.empty()) return old;
  const std::string& entry = before.entry[flow];
  for (Chain& chain : both) {
    if (chain.name != after.entry[flow]) continue;
    chain.rules.insert(chain.rules.begin(), Rule{{expr::Immediate{{VerdictCode::Jump, entry + std::string(kWas)}}},
                                                 "what was, for a moment"});
    seal(chain);
  }
  for (const Chain& chain : old) both.push_back(set_aside(chain, entry));
  return both;
}

}  // namespace

bool both_layers_differ(const LoweredProgram& before, const LoweredProgram& after) {
  const auto differs = [&](Layer layer) {
    for (std::size_t flow = 0; flow < kFlowCount; ++flow)
      if (flow_layer(flow) == layer &&
          !std::ranges::equal(chains_of(before, flow), chains_of(after, flow), judge_alike))
        return true;
    return false;
  };
  return differs(Layer::Ethernet) && differs(Layer::Inet);
}

LoweredProgram between(const LoweredProgram& ethernet, const LoweredProgram& before, const LoweredProgram& after) {
  LoweredProgram program = after;
  program.chains.clear();
  for (std::size_t flow = 0; flow < kFlowCount; ++flow) {
    const bool inet = flow_layer(flow) == Layer::Inet;
    for (Chain& chain : inet ? inet_of_both(before, after, flow) : chains_of(ethernet, flow))
      program.chains.push_back(std::move(chain));
    program.entry[flow] = !inet                       ? ethernet.entry[flow]
                          : after.entry[flow].empty() ? before.entry[flow]
                                                      : after.entry[flow];
  }
  for (const Set& set : before.sets)
    if (std::ranges::find(program.sets, set.name, &Set::name) == program.sets.end()) program.sets.push_back(set);
  program.constants.insert(before.constants.begin(), before.constants.end());
  program.needs.insert(before.needs.begin(), before.needs.end());
  program.limits.insert(before.limits.begin(), before.limits.end());
  program.drops.insert(before.drops.begin(), before.drops.end());
  return program;
}

}  // namespace nwf
