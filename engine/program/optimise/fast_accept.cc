// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/fast_accept.h"

#include "engine/program/optimise/facts.h"
#include "engine/program/optimise/keep.h"
#include "engine/program/optimise/origin.h"
#include "engine/program/packet_field.h"

namespace nwf {
namespace {

/// Steps after which a flow is too intricate to be looked through.
constexpr std::size_t kMaxSteps = 4'000;

/// A place in a flow, and where the chains on the way to it are come back to.
struct Place {
  std::size_t chain = 0;
  std::size_t entry = 0;
};
using Way = std::vector<Place>;

/// Facts, and the rules that decide under them.
struct Path {
  Facts facts;
  std::vector<Test> assumed;  ///< in the order in which they were
  std::vector<std::string> origins;
};

/// Looks through a flow as the kernel would run it, for all packets of which something is known at once.
///
/// Side condition: accepts(way, path) returns true only when every packet for which all of path.assumed hold afterwards
/// is accepted from that place on, and nothing else happens to it. By induction over the steps: a rule that is known to
/// match or not is one step of the kernel; of a rule of which nothing is known either both outcomes are looked at,
/// under assumptions that hold for both, or its tests are assumed, which makes it one that matches. The end of a chain
/// accepts, in the ethernet layer also that of the root chain. A rule with a side effect is not passed over: false.
class Walk {
 public:
  explicit Walk(const Flow& flow) : flow_(flow) {}

  bool accepts(Way way, Path& path) {
    if (++steps_ > kMaxSteps) return false;
    const Place at = way.back();
    const ProgramChain& chain = flow_.chains[at.chain];
    if (at.entry == chain.entries.size()) return true;
    ++way.back().entry;
    const ProgramEntry& entry = chain.entries[at.entry];
    if (const auto* target = std::get_if<std::size_t>(&entry.what)) return jump(way, *target, path);
    return rule(way, std::get<ProgramRule>(entry.what), path);
  }

  std::size_t steps() const { return steps_; }

 private:
  /// `way` is behind the jump.
  bool jump(const Way& way, std::size_t target, Path& path) {
    const auto& guard = flow_.chains[target].guard;
    const auto enters = guard ? path.facts.value(*guard) : std::optional<bool>(true);
    Way inside = way;
    inside.push_back({target, 0});
    if (enters == true) return accepts(std::move(inside), path);
    if (enters == false) return accepts(way, path);
    Path either = path;
    if (!accepts(way, either) || !accepts(std::move(inside), either)) return false;
    path = std::move(either);
    return true;
  }

  /// `way` is behind the rule.
  bool rule(const Way& way, const ProgramRule& rule, Path& path) {
    const auto matches = path.facts.value(rule.tests);
    if (matches == false || rule.action == Action::Continue) return accepts(way, path);
    if (has_side_effect(rule)) return false;
    if (matches == true) {
      path.origins.push_back(rule.origin);
      return acts(way, rule.action, path);
    }
    if (rule.action == Action::Drop || rule.action == Action::Reject) return false;
    Path either = path;
    if (accepts(way, either) && acts(way, rule.action, either)) {
      path = std::move(either);
      return true;
    }
    return assume(rule, path) && acts(way, rule.action, path);
  }

  bool acts(Way way, Action action, Path& path) {
    switch (action) {
      case Action::Accept:
        return true;
      case Action::Drop:
      case Action::Reject:
        return false;
      case Action::Return:
        way.pop_back();
        return way.empty() || accepts(std::move(way), path);
      case Action::Continue:
        break;
    }
    return accepts(std::move(way), path);
  }

  /// Only what differs from port to port is worth assuming: that is what a port's own traffic has.
  static bool assume(const ProgramRule& rule, Path& path) {
    for (const Test& test : rule.tests) {
      if (path.facts.value(test) == true) continue;
      const auto* member = std::get_if<test::Member>(&test);
      if (member == nullptr || member->negated) return false;
      path.facts.holds(test);
      path.assumed.push_back(test);
    }
    path.origins.push_back(rule.origin);
    return true;
  }

  const Flow& flow_;
  std::size_t steps_ = 0;
};

/// The rule for frames of a type, or of any; nothing when there is none, or when it would save nothing.
std::optional<ProgramRule> fast_rule(const Flow& flow, std::optional<std::uint16_t> type) {
  Path path;
  ProgramRule fast;
  if (type) {
    fast.tests.emplace_back(test::Compare{ether_type_field(), to_bytes(*type, 2), false});
    path.facts.holds(fast.tests.front());
  }
  Walk walk(flow);
  if (!walk.accepts({{0, 0}}, path)) return std::nullopt;
  // The end of a root chain without any rule that decides: nothing to be had before it.
  if (walk.steps() < 3 || path.origins.empty()) return std::nullopt;
  auto origin = merged_origin(path.origins);
  if (!origin) return std::nullopt;
  for (Test& test : path.assumed) fast.tests.push_back(std::move(test));
  fast.action = Action::Accept;
  fast.origin = std::move(*origin);
  return fast;
}

}  // namespace

Program fast_accept(Program program) {
  for (std::size_t index = 0; index < kFlowCount; ++index) {
    Flow& flow = program.flows[index];
    if (flow.empty() || flow_layer(index) != Layer::Ethernet) continue;
    std::vector<ProgramEntry> front;
    if (auto any = fast_rule(flow, std::nullopt)) {
      front.push_back({std::move(*any)});
    } else {
      for (const std::uint16_t type : {ethertype::kIpv4, ethertype::kIpv6})
        if (auto rule = fast_rule(flow, type)) front.push_back({std::move(*rule)});
    }
    auto& entries = flow.chains[0].entries;
    entries.insert(entries.begin(), std::make_move_iterator(front.begin()), std::make_move_iterator(front.end()));
  }
  return program;
}

}  // namespace nwf
