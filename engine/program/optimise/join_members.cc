// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/join_members.h"

#include <algorithm>

#include "engine/program/optimise/keep.h"

namespace nwf {
namespace {

constexpr std::string_view kMacVariable = "MAC";

bool only_mac(const test::Member& member) {
  return std::all_of(member.set.columns.begin(), member.set.columns.end(),
                     [](const ValueColumn& column) { return column.variable.name == kMacVariable; });
}

/// Side condition: a set's columns step together, and $MAC has always exactly one value (Binding::effective_variables).
/// Asked for by its subscript it stands beside each step of the others, so that the tuples are exactly the pairs of a
/// member of the one set and a member of the other. Lookups that fail for want of a field fail apart as together.
/// Not for a test that does something, nor for a negated one: "not both" is not "neither".
void join(ProgramRule& rule) {
  if (has_side_effect(rule)) return;
  test::Member* into = nullptr;
  for (Test& test : rule.tests) {
    auto* member = std::get_if<test::Member>(&test);
    if (member != nullptr && !member->negated && (into == nullptr || only_mac(*into))) into = member;
  }
  if (into == nullptr) return;
  std::vector<Test> rest;
  test::Member joined{{}, {}, false};
  for (const Test& test : rule.tests) {
    const auto* member = std::get_if<test::Member>(&test);
    if (member == nullptr || member == into || member->negated || !only_mac(*member)) continue;
    std::vector<ValueColumn> columns = joined.set.columns;
    for (ValueColumn column : member->set.columns) {
      column.variable = {column.variable.name, VariableRef::Access::Subscript, 0};
      columns.push_back(std::move(column));
    }
    std::vector<ValueColumn> whole = columns;
    whole.insert(whole.end(), into->set.columns.begin(), into->set.columns.end());
    if (!can_be_one_key(whole)) continue;
    joined.set.columns = std::move(columns);
    joined.fields.insert(joined.fields.end(), member->fields.begin(), member->fields.end());
  }
  if (joined.fields.empty()) return;
  const std::vector<PacketField> macs = joined.fields;
  joined.fields.insert(joined.fields.end(), into->fields.begin(), into->fields.end());
  joined.set.columns.insert(joined.set.columns.end(), into->set.columns.begin(), into->set.columns.end());
  for (Test& test : rule.tests) {
    auto* member = std::get_if<test::Member>(&test);
    if (member == into)
      rest.emplace_back(std::move(joined));
    else if (member == nullptr || member->negated || !only_mac(*member) ||
             !std::all_of(member->fields.begin(), member->fields.end(), [&](const PacketField& field) {
               return std::find(macs.begin(), macs.end(), field) != macs.end();
             }))
      rest.push_back(std::move(test));
  }
  rule.tests = std::move(rest);
}

}  // namespace

Program join_members(Program program) {
  for (Flow& flow : program.flows)
    for (ProgramChain& chain : flow.chains)
      for (ProgramEntry& entry : chain.entries)
        if (auto* rule = std::get_if<ProgramRule>(&entry.what)) join(*rule);
  return program;
}

}  // namespace nwf
