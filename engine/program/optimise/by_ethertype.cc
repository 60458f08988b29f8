// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/by_ethertype.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/program/optimise/keep.h"
#include "engine/program/packet_field.h"

namespace nwf {
namespace {

/// So many entries have to ask for a type before a chain of its own is worth the jump to it.
constexpr std::size_t kLeastEntries = 3;

const test::Compare* type_of(const std::vector<Test>& tests) {
  for (const Test& test : tests)
    if (const auto* compare = std::get_if<test::Compare>(&test);
        compare != nullptr && !compare->negated && is_ether_type(compare->field))
      return compare;
  return nullptr;
}

/// The frame type that an entry asks for: no other frame does anything there.
const test::Compare* type_of(const Flow& flow, const ProgramEntry& entry) {
  if (const auto* target = std::get_if<std::size_t>(&entry.what)) {
    const auto& guard = flow.chains[*target].guard;
    return guard && !guard->negated && is_ether_type(guard->field) ? &*guard : nullptr;
  }
  return type_of(std::get<ProgramRule>(entry.what).tests);
}

std::string name_of(const test::Compare& type) {
  switch (to_number(type.value)) {
    case ethertype::kIpv4:
      return "type-ipv4";
    case ethertype::kIpv6:
      return "type-ipv6";
    case ethertype::kArp:
      return "type-arp";
    case ethertype::kRarp:
      return "type-rarp";
    case ethertype::kVlan:
      return "type-vlan";
    default:
      return fmt::format("type-{:04x}", to_number(type.value));
  }
}

/// Side condition: frames of the type meet in the new chain the root chain's entries in their order, but for those that
/// ask for another type and so do nothing to them; and they never come back to the root chain. For that a `return` of
/// the root chain, which ends the flow with an accept, becomes an accept; the new chain's end accepts as the root
/// chain's does. Other frames do not enter it, and what only frames of these types can meet is left out of their way.
/// A filter's chain stays one chain, however many jump to it: a `return` there comes back to whence it was entered.
void split(Flow& flow) {
  const std::vector<ProgramEntry> root = flow.chains[0].entries;
  // Rules that decide at once stay in front.
  std::size_t first = 0;
  while (first < root.size()) {
    const auto* rule = std::get_if<ProgramRule>(&root[first].what);
    if (rule == nullptr || rule->action != Action::Accept || has_side_effect(*rule)) break;
    ++first;
  }
  std::vector<test::Compare> types;
  for (std::size_t i = first; i < root.size(); ++i) {
    const auto* type = type_of(flow, root[i]);
    if (type == nullptr || std::find(types.begin(), types.end(), *type) != types.end()) continue;
    const auto count = std::count_if(root.begin() + static_cast<std::ptrdiff_t>(first), root.end(), [&](const auto& e) {
      const auto* other = type_of(flow, e);
      return other != nullptr && *other == *type;
    });
    if (static_cast<std::size_t>(count) >= kLeastEntries) types.push_back(*type);
  }
  if (types.empty()) return;

  std::vector<ProgramEntry> rest(root.begin(), root.begin() + static_cast<std::ptrdiff_t>(first));
  for (const test::Compare& type : types) {
    ProgramChain chain{name_of(type), type, {}};
    for (std::size_t i = first; i < root.size(); ++i) {
      const auto* asked = type_of(flow, root[i]);
      if (asked != nullptr && *asked != type) continue;
      ProgramEntry entry = root[i];
      if (auto* rule = std::get_if<ProgramRule>(&entry.what); rule != nullptr && rule->action == Action::Return)
        rule->action = Action::Accept;
      chain.entries.push_back(std::move(entry));
    }
    rest.push_back({flow.chains.size()});
    flow.chains.push_back(std::move(chain));
  }
  for (std::size_t i = first; i < root.size(); ++i) {
    const auto* asked = type_of(flow, root[i]);
    if (asked == nullptr || std::find(types.begin(), types.end(), *asked) == types.end()) rest.push_back(root[i]);
  }
  flow.chains[0].entries = std::move(rest);
}

}  // namespace

Program by_ethertype(Program program) {
  for (std::size_t index = 0; index < kFlowCount; ++index)
    if (flow_layer(index) == Layer::Ethernet && !program.flows[index].empty()) split(program.flows[index]);
  return program;
}

}  // namespace nwf
