// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/empty_chains.h"

#include <algorithm>

#include "engine/program/optimise/keep.h"

namespace nwf {
namespace {

/// What a chain comes to when it decides nothing by itself: a verdict for whatever enters it.
std::optional<ProgramRule> whole_of(const ProgramChain& chain) {
  if (chain.entries.empty()) {
    // In the ethernet layer a chain's end accepts. In the inet layer it decides nothing, and nothing comes back.
    ProgramRule end;
    end.action = Action::Accept;
    end.origin = "chain " + chain.name + ": its end";
    return end;
  }
  const auto* rule = std::get_if<ProgramRule>(&chain.entries.front().what);
  // A reject is made in the chain of its IP version.
  if (rule == nullptr || !rule->tests.empty() || rule->action == Action::Continue || rule->action == Action::Reject)
    return std::nullopt;
  return *rule;
}

/// Side condition: such a chain does the same to whatever enters it, so that the rule with its guard in its place does
/// it to the same packets at the same place. A `return` from it goes on behind the jump: nothing is to be done.
bool replace_jumps(Flow& flow, Layer layer) {
  bool changed = false;
  for (ProgramChain& chain : flow.chains) {
    std::vector<ProgramEntry> kept;
    for (ProgramEntry& entry : chain.entries) {
      const auto* target = std::get_if<std::size_t>(&entry.what);
      auto rule = target == nullptr ? std::nullopt : whole_of(flow.chains[*target]);
      if (!rule) {
        kept.push_back(std::move(entry));
        continue;
      }
      changed = true;
      if (rule->action == Action::Return && layer == Layer::Ethernet) continue;
      if (flow.chains[*target].guard) rule->tests.emplace_back(*flow.chains[*target].guard);
      kept.push_back({std::move(*rule)});
    }
    chain.entries = std::move(kept);
  }
  return changed;
}

void mark_reached(const Flow& flow, std::size_t index, std::vector<bool>& reached) {
  if (reached[index]) return;
  reached[index] = true;
  for (const ProgramEntry& entry : flow.chains[index].entries)
    if (const auto* target = std::get_if<std::size_t>(&entry.what)) mark_reached(flow, *target, reached);
}

void leave_out_unreached(Flow& flow) {
  std::vector<bool> reached(flow.chains.size());
  mark_reached(flow, 0, reached);
  std::vector<std::size_t> number(flow.chains.size());
  std::vector<ProgramChain> kept;
  for (std::size_t i = 0; i < flow.chains.size(); ++i) {
    if (!reached[i]) continue;
    number[i] = kept.size();
    kept.push_back(std::move(flow.chains[i]));
  }
  for (ProgramChain& chain : kept)
    for (ProgramEntry& entry : chain.entries)
      if (auto* target = std::get_if<std::size_t>(&entry.what)) *target = number[*target];
  flow.chains = std::move(kept);
}

bool asks_for_state(const ProgramRule& rule) {
  return std::any_of(rule.tests.begin(), rule.tests.end(),
                     [](const Test& test) { return std::holds_alternative<test::Connection>(test); });
}

/// Side condition: no rule drops, rejects or does anything else, and the ends of all chains accept. A flow that asks
/// for connection state stays, for lower() to refuse it by name where the kernel has none.
bool stops_nothing(const Flow& flow) {
  return std::all_of(flow.chains.begin(), flow.chains.end(), [](const ProgramChain& chain) {
    return std::all_of(chain.entries.begin(), chain.entries.end(), [](const ProgramEntry& entry) {
      const auto* rule = std::get_if<ProgramRule>(&entry.what);
      return rule == nullptr || (!has_side_effect(*rule) && !asks_for_state(*rule) && rule->action != Action::Drop &&
                                 rule->action != Action::Reject);
    });
  });
}

}  // namespace

Program empty_chains(Program program) {
  for (std::size_t index = 0; index < kFlowCount; ++index) {
    Flow& flow = program.flows[index];
    if (flow.empty()) continue;
    while (replace_jumps(flow, flow_layer(index))) {
    }
    leave_out_unreached(flow);
    if (stops_nothing(flow)) flow.chains.clear();
  }
  return program;
}

}  // namespace nwf
