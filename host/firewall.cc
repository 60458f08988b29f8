// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/firewall.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/ruleset/diff.h"
#include "engine/ruleset/fingerprint.h"

namespace nwf::host {
namespace {

/// Somebody else may write between our reading and our transaction; this often it is tried again.
constexpr int kAttempts = 8;

KnownProgram known_program(const Compiled& compiled, bool is_common) {
  KnownProgram known;
  known.filter = compiled.program.filter;
  known.filters = compiled.program.filters;
  known.hash = compiled.hash;
  for (const Chain& chain : compiled.lowered.chains) known.chains.emplace(chain.name, sealed_fingerprint(chain));
  for (const Set& set : compiled.lowered.sets) known.sets.push_back(set.name);
  known.needs = compiled.lowered.needs;
  known.limits = compiled.lowered.limits;
  known.ports_set = compiled.lowered.ports;
  known.entry = compiled.lowered.entry;
  known.common = is_common;
  if (is_common) known.sets.push_back(compiled.lowered.ports);
  return known;
}

Result<PortElements> elements_for(const Compiled& compiled, bool is_common, const Binding& binding) {
  return port_elements(compiled.lowered, compiled.program.sets, is_common, binding.port, binding.effective_variables());
}

/// One port's part of a transition.
struct Side {
  CompiledPtr compiled;
  PortElements elements;
};

Result<std::optional<Side>> side_of(const std::optional<Binding>& binding, Programs& programs) {
  if (!binding) return std::optional<Side>{};
  NWF_TRY(auto compiled, programs.find(binding->filter, binding->effective_variables()));
  return std::optional<Side>{Side{std::move(compiled), {}}};
}

bool is_common(const std::map<std::string, KnownProgram>& programs, const std::string& name) {
  const auto known = programs.find(name);
  return known != programs.end() && known->second.common;
}

bool room_for_common(const std::map<std::string, KnownProgram>& programs) {
  const auto common =
      std::count_if(programs.begin(), programs.end(), [](const auto& program) { return program.second.common; });
  return static_cast<std::size_t>(common) < kMaxCommonPrograms;
}

/// Which of these programs are common. Those in the kernel stay as they are, so that nothing moves without need; of the
/// new ones the most used get what room there is.
void choose_common(const std::map<std::string, CompiledPtr>& compiled, const Ruleset& held,
                   std::map<std::string, KnownProgram>& programs) {
  const auto table = held.tables.find(Family::Bridge);
  std::vector<std::string> fresh;
  for (auto& [name, program] : programs) {
    const auto& lowered = compiled.at(name)->lowered;
    const bool there =
        table != held.tables.end() && !lowered.chains.empty() && table->second.chains.contains(lowered.chains[0].name);
    if (!there)
      fresh.push_back(name);
    else if (table->second.sets.contains(lowered.ports) && room_for_common(programs))
      program = known_program(*compiled.at(name), true);
  }
  std::stable_sort(fresh.begin(), fresh.end(),
                   [&](const auto& a, const auto& b) { return programs.at(a).ports > programs.at(b).ports; });
  for (const std::string& name : fresh)
    if (room_for_common(programs)) programs.at(name) = known_program(*compiled.at(name), true);
}

void add_changes(const PortElements& elements, bool deleting, Changes& out) {
  for (const auto& entry : elements.entries) {
    if (deleting)
      out.push_back({Family::Bridge, change::DeleteElements{entry.set, entry.elements}});
    else
      out.push_back({Family::Bridge, change::AddElements{entry.set, entry.elements, false}});
  }
}

/// The programs of `knowledge` as a ruleset of names, without rules or elements: enough for diff() to see what
/// appears and what goes.
void add_known_sets(const std::set<std::string>& names, const Ruleset& definitions, Ruleset& out) {
  if (names.empty()) return;
  Table& table = out.tables.emplace(Family::Bridge, Table{Family::Bridge, {}, {}, {}}).first->second;
  const auto defined = definitions.tables.find(Family::Bridge);
  for (const std::string& name : names) {
    Set set;
    set.name = name;
    if (defined != definitions.tables.end())
      if (const auto found = defined->second.sets.find(name); found != defined->second.sets.end()) set = found->second;
    table.sets.emplace(name, std::move(set));
  }
}

std::set<std::string> set_names(const std::map<std::string, KnownProgram>& programs) {
  std::set<std::string> names;
  for (const auto& [name, program] : programs) names.insert(program.sets.begin(), program.sets.end());
  return names;
}

FrameNeeds needs_of(const Knowledge& knowledge, const std::map<std::string, KnownProgram>& programs) {
  Knowledge all;
  all.closed_ports = knowledge.closed_ports;
  all.programs = programs;
  return all.frame_needs();
}

}  // namespace

Result<Wanted> wanted_ruleset(const std::vector<Binding>& bindings, Programs& programs, const Ruleset& held) {
  Wanted wanted;
  Ruleset parts;
  FrameNeeds needs;
  std::map<std::string, CompiledPtr> compiled;
  std::map<std::string, std::size_t> ports;
  std::vector<std::pair<const Binding*, CompiledPtr>> open;
  std::vector<PortElements> elements;
  const auto close = [&](const Binding& binding, Error why) {
    wanted.closed.push_back({binding.port.text(), std::move(why)});
    elements.push_back(closed_elements(binding.port));
    needs.add_closed();
  };
  for (const Binding& binding : bindings) {
    auto side = side_of(binding, programs);
    if (!side) {
      close(binding, std::move(side).error());
      continue;
    }
    const CompiledPtr& program = (*side)->compiled;
    if (compiled.emplace(program->lowered.name, program).second)
      wanted.programs.emplace(program->lowered.name, known_program(*program, false));
    ++wanted.programs.at(program->lowered.name).ports;
    open.emplace_back(&binding, program);
  }
  choose_common(compiled, held, wanted.programs);
  for (auto& [name, known] : wanted.programs) known.ports = 0;
  for (const auto& [binding, program] : open) {
    KnownProgram& known = wanted.programs.at(program->lowered.name);
    auto values = elements_for(*program, known.common, *binding);
    if (!values) {
      close(*binding, std::move(values).error());
      continue;
    }
    ++known.ports;
    elements.push_back(std::move(*values));
  }
  std::erase_if(wanted.programs, [](const auto& program) { return program.second.ports == 0; });
  for (const auto& [name, known] : wanted.programs) {
    const LoweredProgram& lowered = compiled.at(name)->lowered;
    needs.add(lowered, known.common);
    add_program(lowered, known.common, parts);
    wanted.warnings.insert(wanted.warnings.end(), lowered.warnings.begin(), lowered.warnings.end());
  }
  NWF_TRY(wanted.ruleset, frame(needs, programs.capabilities(), programs.options()));
  for (auto& [family, table] : parts.tables) {
    Table& into = wanted.ruleset.tables.emplace(family, Table{family, {}, {}, {}}).first->second;
    into.chains.merge(table.chains);
    into.sets.merge(table.sets);
  }
  for (const PortElements& port : elements) add_elements(port, wanted.ruleset);
  return wanted;
}

Firewall::Firewall(Backend& backend, std::optional<Knowledge> knowledge)
    : backend_(backend), known_(knowledge.has_value()) {
  if (knowledge) knowledge_ = std::move(*knowledge);
}

Result<Firewall::Plan> Firewall::plan(const std::vector<PortChange>& changes, Programs& before, Programs& after) const {
  Plan plan;
  plan.programs = knowledge_.programs;
  std::vector<std::pair<std::optional<Side>, std::optional<Side>>> sides;
  sides.reserve(changes.size());
  std::map<std::string, CompiledPtr> old_programs, new_programs;
  for (const PortChange& change : changes) {
    NWF_TRY(auto old_side, side_of(change.before, before));
    NWF_TRY(auto new_side, side_of(change.after, after));
    if (old_side) old_programs.emplace(old_side->compiled->lowered.name, old_side->compiled);
    if (new_side) new_programs.emplace(new_side->compiled->lowered.name, new_side->compiled);
    sides.emplace_back(std::move(old_side), std::move(new_side));
  }

  bool same_programs = true;
  for (const auto& [old_side, new_side] : sides) {
    if (old_side) {
      const auto known = plan.programs.find(old_side->compiled->lowered.name);
      if (known != plan.programs.end() && --known->second.ports == 0 && !new_programs.contains(known->first)) {
        plan.programs.erase(known);
        same_programs = false;
      }
    }
  }
  for (const auto& [old_side, new_side] : sides) {
    if (!new_side) continue;
    const Compiled& compiled = *new_side->compiled;
    auto [known, fresh] = plan.programs.emplace(compiled.lowered.name, KnownProgram{});
    if (fresh || known->second.hash != compiled.hash) {
      const std::size_t ports = known->second.ports;
      const bool common = fresh ? room_for_common(plan.programs) : known->second.common;
      known->second = known_program(compiled, common);
      known->second.ports = ports;
      same_programs = false;
      plan.warnings.insert(plan.warnings.end(), compiled.lowered.warnings.begin(), compiled.lowered.warnings.end());
    }
    ++known->second.ports;
  }
  for (std::size_t i = 0; i < changes.size(); ++i) {
    auto& [old_side, new_side] = sides[i];
    if (old_side) {
      const bool common = is_common(knowledge_.programs, old_side->compiled->lowered.name);
      NWF_TRY(old_side->elements, elements_for(*old_side->compiled, common, *changes[i].before));
    }
    if (new_side) {
      const bool common = is_common(plan.programs, new_side->compiled->lowered.name);
      NWF_TRY(new_side->elements, elements_for(*new_side->compiled, common, *changes[i].after));
    }
  }

  if (same_programs) {
    // The usual case: the programs are there, only elements come and go. Deletions first, so that an element
    // both old and new ends up present.
    for (const auto& [old_side, new_side] : sides)
      if (old_side) add_changes(old_side->elements, true, plan.changes);
    for (const auto& [old_side, new_side] : sides)
      if (new_side) add_changes(new_side->elements, false, plan.changes);
    return plan;
  }

  NWF_TRY(Ruleset from, frame(knowledge_.frame_needs(), before.capabilities(), before.options()));
  NWF_TRY(Ruleset to, frame(needs_of(knowledge_, plan.programs), after.capabilities(), after.options()));
  for (const auto& [name, compiled] : new_programs) add_program(compiled->lowered, is_common(plan.programs, name), to);
  for (const auto& [name, compiled] : old_programs) {
    const auto known = knowledge_.programs.find(name);
    if (known == knowledge_.programs.end()) continue;
    if (known->second.hash == compiled->hash) {
      add_program(compiled->lowered, known->second.common, from);
    } else {
      Table& table = from.tables.at(Family::Bridge);
      for (const auto& [chain, fingerprint] : known->second.chains)
        table.chains.insert_or_assign(chain, Chain{chain, std::nullopt, {Rule{{}, "not known"}}, {}});
    }
    // A program that other ports still run stays, whether or not a port of this change comes to it.
    if (plan.programs.contains(name) && !new_programs.contains(name))
      add_program(compiled->lowered, is_common(plan.programs, name), to);
  }
  // A program that is in the kernel already but that no port of this change leaves.
  for (const auto& [name, compiled] : new_programs) {
    const auto known = knowledge_.programs.find(name);
    if (known == knowledge_.programs.end() || old_programs.contains(name)) continue;
    if (known->second.hash == compiled->hash) {
      add_program(compiled->lowered, known->second.common, from);
    } else {
      Table& table = from.tables.at(Family::Bridge);
      for (const auto& [chain, fingerprint] : known->second.chains)
        table.chains.insert_or_assign(chain, Chain{chain, std::nullopt, {Rule{{}, "not known"}}, {}});
    }
  }
  add_known_sets(knowledge_.sets(), to, from);
  add_known_sets(set_names(plan.programs), from, to);
  for (const auto& [old_side, new_side] : sides) {
    if (old_side) add_elements(old_side->elements, from);
    if (new_side) add_elements(new_side->elements, to);
  }
  plan.changes = diff(from, to);
  return plan;
}

Result<std::vector<Error>> Firewall::transition(const std::vector<PortChange>& changes, Programs& before,
                                                Programs& after) {
  if (!known_) return fail(ErrorKind::Outdated, "nothing is known of the kernel's ruleset");
  NWF_TRY(Plan plan, this->plan(changes, before, after));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (plan.changes.empty()) {
      knowledge_.programs = std::move(plan.programs);
      return std::move(plan.warnings);
    }
    auto applied = backend_.apply(plan.changes, knowledge_.generation);
    if (applied) {
      knowledge_.generation = *applied;
      knowledge_.programs = std::move(plan.programs);
      return std::move(plan.warnings);
    }
    if (applied.error().kind != ErrorKind::Outdated) {
      NWF_TRY(const bool holds, still_holds());
      if (holds) return fail(std::move(applied).error());
      known_ = false;
      return fail(ErrorKind::Outdated, "the kernel's ruleset was changed by somebody else");
    }
    NWF_TRY(const bool holds, still_holds());
    if (!holds) {
      known_ = false;
      return fail(ErrorKind::Outdated, "the kernel's ruleset was changed by somebody else");
    }
  }
  return fail(ErrorKind::Kernel,
              fmt::format("somebody else changed the kernel's ruleset {} times meanwhile", kAttempts),
              "see with `nft monitor` who does, and try again");
}

Result<bool> Firewall::still_holds() {
  NWF_TRY(const Held held, backend_.read());
  const auto table = held.ruleset.tables.find(Family::Bridge);
  for (const auto& [name, program] : knowledge_.programs) {
    if (table == held.ruleset.tables.end()) return false;
    for (const auto& [chain, seal] : program.chains) {
      const auto found = table->second.chains.find(chain);
      if (found == table->second.chains.end() || sealed_fingerprint(found->second) != seal) return false;
    }
    for (const std::string& set : program.sets)
      if (!table->second.sets.contains(set)) return false;
  }
  NWF_TRY(const Ruleset expected,
          frame(knowledge_.frame_needs(), knowledge_.capabilities, LowerOptions{{}, knowledge_.host_traffic}));
  for (const auto& [family, wanted] : expected.tables) {
    const auto there = held.ruleset.tables.find(family);
    if (there == held.ruleset.tables.end()) return false;
    for (const auto& [name, chain] : wanted.chains) {
      const auto found = there->second.chains.find(name);
      if (found == there->second.chains.end() || sealed_fingerprint(found->second) != sealed_fingerprint(chain))
        return false;
    }
  }
  knowledge_.generation = held.generation;
  return true;
}

Result<Firewall::Reconciled> Firewall::reconcile(const std::vector<Binding>& bindings, Programs& programs) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    NWF_TRY(const Held held, backend_.read());
    NWF_TRY(Wanted wanted, wanted_ruleset(bindings, programs, held.ruleset));
    const Changes changes = diff(held.ruleset, wanted.ruleset);
    std::uint32_t generation = held.generation;
    if (!changes.empty()) {
      auto applied = backend_.apply(changes, held.generation);
      if (!applied && applied.error().kind == ErrorKind::Outdated) continue;
      if (!applied) return fail(std::move(applied).error());
      generation = *applied;
    }
    knowledge_.generation = generation;
    knowledge_.place = this_place();
    knowledge_.host_traffic = programs.options().filter_host_traffic;
    knowledge_.capabilities = programs.capabilities();
    knowledge_.programs = std::move(wanted.programs);
    knowledge_.closed_ports = !wanted.closed.empty();
    known_ = true;
    return Reconciled{changes.size(), std::move(wanted.closed)};
  }
  return fail(ErrorKind::Kernel,
              fmt::format("somebody else changed the kernel's ruleset {} times meanwhile", kAttempts),
              "see with `nft monitor` who does, and try again");
}

}  // namespace nwf::host
