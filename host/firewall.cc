// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/firewall.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "engine/ruleset/diff.h"
#include "engine/ruleset/fingerprint.h"
#include "engine/ruleset/layer_by_layer.h"
#include "engine/ruleset/make_before_break.h"

namespace nwf::host {
namespace {

/// Somebody else may write between our reading and our transaction; this often it is tried again.
constexpr int kAttempts = 8;

std::vector<std::string> value_set_names(const Compiled& compiled) {
  std::vector<std::string> names;
  for (const ValueSet& set : compiled.program.sets) names.push_back(set.name());
  std::sort(names.begin(), names.end());
  return names;
}

KnownProgram known_program(const Compiled& compiled, bool is_common, Variables sample) {
  KnownProgram known;
  known.filter = compiled.program.filter;
  known.filters = compiled.program.filters;
  known.hash = compiled.hash;
  known.sample = std::move(sample);
  for (const Fact& fact : compiled.program.shape.facts) known.facts.push_back(fact.key());
  known.values = value_set_names(compiled);
  for (const Chain& chain : compiled.lowered.chains) known.chains.emplace(chain.name, fingerprint(chain));
  for (const Set& set : compiled.lowered.sets) known.sets.push_back(set.name);
  known.needs = compiled.lowered.needs;
  known.limits = compiled.lowered.limits;
  known.ports_set = compiled.lowered.ports;
  known.entry = compiled.lowered.entry;
  known.common = is_common;
  if (is_common) known.sets.push_back(compiled.lowered.ports);
  return known;
}

Result<PortElements> elements_for(const Placement& placement, bool is_common, const PortName& port) {
  const Compiled& compiled = *placement.program;
  return port_elements(compiled.lowered, compiled.program.sets, is_common, port, placement.variables);
}

/// What a binding's port runs; nothing for no binding.
Result<std::optional<Placement>> placement_of(const std::optional<Binding>& binding, Programs& programs) {
  if (!binding) return std::optional<Placement>{};
  NWF_TRY(auto placement, programs.place(*binding));
  return std::optional<Placement>{std::move(placement)};
}

bool is_common(const std::map<std::string, KnownProgram>& programs, const std::string& name) {
  const auto known = programs.find(name);
  return known != programs.end() && known->second.common;
}

/// Ports that wait are always found by a set, the first of all (engine/ruleset/dispatch.cc says why): they take
/// nobody's room, and are two programs at most.
bool takes_room(const KnownProgram& program) { return program.common && !Programs::is_waiting(program.filter); }

std::size_t common_programs(const std::map<std::string, KnownProgram>& programs) {
  return static_cast<std::size_t>(
      std::count_if(programs.begin(), programs.end(), [](const auto& program) { return takes_room(program.second); }));
}

/// A program that lets everything pass has no chains, and no port needs to find it.
bool leads_somewhere(const Compiled& compiled) { return !compiled.lowered.chains.empty(); }

/// Whether one more program can be, beside so many that take room.
bool may_be_common(const std::string& filter, std::size_t common) {
  return Programs::is_waiting(filter) || common < kMaxCommonPrograms;
}

/// Which of these programs are common. Those in the kernel stay as they are, so that nothing moves without need; of the
/// new ones the most used get what room there is.
void choose_common(const std::map<std::string, CompiledPtr>& compiled, const Ruleset& held,
                   std::map<std::string, KnownProgram>& programs) {
  const auto table = held.tables.find(Family::Bridge);
  std::vector<std::string> fresh;
  for (auto& [name, program] : programs) {
    const auto& lowered = compiled.at(name)->lowered;
    if (!leads_somewhere(*compiled.at(name))) continue;
    const bool there = table != held.tables.end() && table->second.chains.contains(lowered.chains[0].name);
    if (!there)
      fresh.push_back(name);
    else if (table->second.sets.contains(lowered.ports) && may_be_common(program.filter, common_programs(programs)))
      program = known_program(*compiled.at(name), true, program.sample);
  }
  std::stable_sort(fresh.begin(), fresh.end(),
                   [&](const auto& a, const auto& b) { return programs.at(a).ports > programs.at(b).ports; });
  for (const std::string& name : fresh)
    if (may_be_common(programs.at(name).filter, common_programs(programs)))
      programs.at(name) = known_program(*compiled.at(name), true, programs.at(name).sample);
}

/// Those of `some` that `others` do not have in the same set.
void add_missing(PortElements& some, const PortElements& others, bool deleting, Changes& out) {
  const auto add = [&](Set set, std::vector<Element> elements) {
    if (deleting)
      out.push_back({Family::Bridge, change::DeleteElements{std::move(set), std::move(elements)}});
    else
      out.push_back({Family::Bridge, change::AddElements{std::move(set), std::move(elements), false}});
  };
  if (others.entries.empty()) {  // bound or unbound: all of them, and nobody asks for them again
    for (auto& entry : some.entries) add(std::move(entry.set), std::move(entry.elements));
    some.entries.clear();
    return;
  }
  for (const auto& entry : some.entries) {
    const auto other = std::find_if(others.entries.begin(), others.entries.end(),
                                    [&](const auto& there) { return there.set.name == entry.set.name; });
    std::vector<Element> elements;
    for (const Element& element : entry.elements)
      if (other == others.entries.end() ||
          std::find(other->elements.begin(), other->elements.end(), element) == other->elements.end())
        elements.push_back(element);
    if (!elements.empty()) add(entry.set, std::move(elements));
  }
}

/// Chains of this family that only `from` has, and the tables they are in.
void add_missing_chains(Family family, const Ruleset& from, Ruleset& to) {
  const auto table = from.tables.find(family);
  if (table == from.tables.end()) return;
  auto& chains = to.tables.emplace(family, Table{family, {}, {}, {}}).first->second.chains;
  chains.insert(table->second.chains.begin(), table->second.chains.end());
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

void absorb(const Plan& plan, Knowledge& knowledge) {
  for (const std::string& name : plan.gone) knowledge.programs.erase(name);
  for (const auto& [name, program] : plan.programs) {
    const auto [known, fresh] = knowledge.programs.emplace(name, program);
    if (fresh) continue;
    const std::size_t running = known->second.ports;
    known->second = program;
    known->second.ports = running;
  }
  for (const auto& [name, more] : plan.ports)
    if (const auto known = knowledge.programs.find(name); known != knowledge.programs.end())
      known->second.ports += static_cast<std::size_t>(more);
  knowledge.closed = plan.closed;
}

/// What the kernel holds of a program: chains that one of these versions has too, and of the others the names. `coming`
/// is what the program becomes, if it does: its fingerprints are there already.
void add_known(const KnownProgram& known, const std::vector<CompiledPtr>& versions, const KnownProgram* coming,
               Ruleset& out) {
  const auto has = [&](const Compiled& version, const Chain& chain, const std::string& print) {
    if (version.hash == known.hash) return true;
    if (coming != nullptr && version.hash == coming->hash) return coming->chains.at(chain.name) == print;
    return fingerprint(chain) == print;
  };
  for (const auto& [name, print] : known.chains) {
    Chain chain{name, std::nullopt, {Rule{{}, "not known"}}, {}};
    for (const CompiledPtr& version : versions)
      for (const Chain& of_version : version->lowered.chains)
        if (of_version.name == name && has(*version, of_version, print)) chain = of_version;
    out.tables.at(Family::Bridge).chains.insert_or_assign(name, std::move(chain));
  }
}

/// Ports that run the program have nothing to gain or lose when it becomes `compiled`: all that it owes to their
/// variables held before, and they have the elements that it looks up.
bool keeps_its_ports(const KnownProgram& known, const Compiled& compiled) {
  const auto& facts = compiled.program.shape.facts;
  const bool held = std::all_of(facts.begin(), facts.end(), [&](const Fact& fact) {
    return std::binary_search(known.facts.begin(), known.facts.end(), fact.key());
  });
  // Ports that come by the verdict maps have an element in those flows that the program judges.
  const bool found_alike = known.common ? leads_somewhere(compiled) : compiled.lowered.entry == known.entry;
  return held && value_set_names(compiled) == known.values && found_alike;
}

/// Nothing about the program is to be written down anew. Its rules alone do not say so: a reference to a filter that
/// adds none leaves them as they are, and from then on an edit of that filter is an edit of this program.
bool is_as_known(const KnownProgram& known, const Compiled& compiled) {
  const auto same_fact = [](const std::string& key, const Fact& fact) { return key == fact.key(); };
  const auto& facts = compiled.program.shape.facts;
  return known.hash == compiled.hash && known.filters == compiled.program.filters &&
         std::equal(known.facts.begin(), known.facts.end(), facts.begin(), facts.end(), same_fact);
}

/// What leads to the program, and the sets that it looks up, are the same.
bool same_frame(const KnownProgram& a, const KnownProgram& b) {
  return std::tie(a.sets, a.needs, a.limits, a.ports_set, a.entry, a.common) ==
         std::tie(b.sets, b.needs, b.limits, b.ports_set, b.entry, b.common);
}

/// By the fingerprints alone, comments among them: may say so of programs that judge alike.
bool chains_of_both_layers_differ(const KnownProgram& a, const KnownProgram& b) {
  bool ethernet = false, inet = false;
  const auto look = [&](const KnownProgram& one, const KnownProgram& other) {
    for (const auto& [name, print] : one.chains) {
      const auto found = other.chains.find(name);
      if (found != other.chains.end() && found->second == print) continue;
      for (std::size_t flow = 0; flow < kFlowCount; ++flow)
        if (!one.entry[flow].empty() && name.starts_with(one.entry[flow]))
          (flow_layer(flow) == Layer::Inet ? inet : ethernet) = true;
    }
  };
  look(a, b);
  look(b, a);
  return ethernet && inet;
}

/// A port's part of a plan.
struct PlannedPort {
  std::optional<Placement> before, after;
  bool was_closed = false;
  bool stays_closed = false;
};

const PortName& port_of(const PortChange& change) { return (change.before ? change.before : change.after)->port; }

/// The variables of the first of these ports that comes to the program.
Variables sample_of(const std::string& program, const std::vector<PlannedPort>& planned) {
  for (const PlannedPort& port : planned)
    if (port.after && port.after->program->lowered.name == program) return port.after->sample();
  return {};
}

Result<PlannedPort> planned_port(const PortChange& change, bool was_closed, Programs& before, Programs& after) {
  PlannedPort port;
  port.was_closed = was_closed;
  if (!was_closed) {
    NWF_TRY(port.before, placement_of(change.before, before));
  }
  auto placement = placement_of(change.after, after);
  if (placement && *placement && was_closed)
    if (auto values = elements_for(**placement, false, change.after->port); !values) placement = fail(values.error());
  if (!placement && !was_closed) {
    Error error = std::move(placement).error();
    return fail(change.after ? std::move(error).at(change.after->source) : std::move(error));
  }
  port.stays_closed = !placement.has_value();
  if (placement) port.after = std::move(*placement);
  return port;
}

/// True when of these ports all that move come from waiting for an address, or all come to it (`to_wait`). The sets of
/// those that wait are looked up before all others (engine/ruleset/dispatch.cc): a frame finds a port there, or after
/// the instant of the change in what it came to, so that one transaction does it all. The other way round a frame could
/// look for it too late in the one and too early in the other.
bool all_moves_are(bool to_wait, const std::vector<PlannedPort>& planned, const std::vector<PortStep>& steps) {
  const auto waits = [](const Placement& placement) { return Programs::is_waiting(placement.program->program.filter); };
  for (std::size_t i = 0; i < planned.size(); ++i) {
    if (!moves(steps[i])) continue;
    const auto& [before, after, was_closed, stays_closed] = planned[i];
    if (!before || !after || was_closed || stays_closed) return false;
    if (waits(*before) == to_wait || waits(*after) != to_wait) return false;
  }
  return true;
}

/// Takes out of what the port had before the values that only its old program looks up: frames may still be in it.
PortElements take_what_only_it_looks_up(PortStep& port) {
  const auto stays = [&](const auto& entry) {
    return is_dispatch(entry.set) || std::any_of(port.after.entries.begin(), port.after.entries.end(),
                                                 [&](const auto& other) { return other.set.name == entry.set.name; });
  };
  const auto last = std::stable_partition(port.before.entries.begin(), port.before.entries.end(), stays);
  PortElements taken;
  taken.entries.assign(std::make_move_iterator(last), std::make_move_iterator(port.before.entries.end()));
  port.before.entries.erase(last, port.before.entries.end());
  return taken;
}

}  // namespace

Result<Wanted> wanted_ruleset(const std::vector<Binding>& bindings, Programs& programs, const Ruleset& held) {
  Wanted wanted;
  Ruleset parts;
  FrameNeeds needs;
  std::map<std::string, CompiledPtr> compiled;
  std::map<std::string, std::size_t> ports;
  std::vector<std::pair<const Binding*, Placement>> open;
  std::vector<PortElements> elements;
  const auto close = [&](const Binding& binding, Error why) {
    wanted.closed.push_back({binding.port.text(), std::move(why)});
    elements.push_back(closed_elements(binding.port));
    needs.add_closed();
  };
  for (const Binding& binding : bindings) {
    auto found = programs.place(binding);
    if (!found) {
      close(binding, std::move(found).error());
      continue;
    }
    const CompiledPtr& program = found->program;
    if (compiled.emplace(program->lowered.name, program).second)
      wanted.programs.emplace(program->lowered.name, known_program(*program, false, found->sample()));
    ++wanted.programs.at(program->lowered.name).ports;
    open.emplace_back(&binding, std::move(*found));
  }
  choose_common(compiled, held, wanted.programs);
  for (auto& [name, known] : wanted.programs) known.ports = 0;
  for (const auto& [binding, placement] : open) {
    KnownProgram& known = wanted.programs.at(placement.program->lowered.name);
    auto values = elements_for(placement, known.common, binding->port);
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
    into.elements.merge(table.elements);
  }
  for (const PortElements& port : elements) add_elements(port, wanted.ruleset);
  return wanted;
}

Firewall::Firewall(Backend& backend, std::optional<Knowledge> knowledge)
    : backend_(backend), known_(knowledge.has_value()) {
  if (knowledge) knowledge_ = std::move(*knowledge);
}

Edit Firewall::edit(const std::set<std::string>& filters, Programs& after) const {
  Edit edit;
  for (const auto& [name, known] : knowledge_.programs) {
    const bool uses = std::any_of(known.filters.begin(), known.filters.end(),
                                  [&](const std::string& filter) { return filters.contains(filter); });
    // What a port waits for is its filter's matter: another filter may need nothing.
    if (Programs::is_waiting(known.filter)) edit.reshaped.insert(name);
    if (!uses) continue;
    // An error may be the sample's alone: the ports will tell.
    auto compiled = after.find(known.filter, known.sample);
    if (compiled && (*compiled)->lowered.name == name && keeps_its_ports(known, **compiled))
      edit.programs.emplace(name, std::move(*compiled));
    else
      edit.reshaped.insert(name);
  }
  return edit;
}

Result<Plan> Firewall::plan(const std::vector<PortChange>& ports, const ProgramEdits& edits, Programs& before,
                            Programs& after) const {
  Plan plan;
  plan.closed = knowledge_.closed;
  std::map<std::string, CompiledPtr> old_programs, new_programs = edits;
  std::vector<PlannedPort> planned;
  planned.reserve(ports.size());
  for (const PortChange& change : ports) {
    const std::string name = port_of(change).text();
    NWF_TRY(PlannedPort port, planned_port(change, knowledge_.closed.contains(name), before, after));
    if (port.before) {
      const CompiledPtr& program = port.before->program;
      old_programs.emplace(program->lowered.name, program);
      --plan.ports[program->lowered.name];
    }
    if (port.after) {
      const CompiledPtr& program = port.after->program;
      new_programs.emplace(program->lowered.name, program);
      ++plan.ports[program->lowered.name];
    }
    if (port.was_closed && !port.stays_closed) plan.closed.erase(name);
    planned.push_back(std::move(port));
  }

  // Which programs there will be.
  std::size_t common = common_programs(knowledge_.programs);
  for (const auto& [name, more] : plan.ports) {
    const auto known = knowledge_.programs.find(name);
    if (known == knowledge_.programs.end() || static_cast<std::ptrdiff_t>(known->second.ports) + more > 0) continue;
    plan.gone.insert(name);
    if (takes_room(known->second)) --common;
  }
  for (const auto& [name, compiled] : new_programs) {
    const auto known = knowledge_.programs.find(name);
    if (plan.gone.contains(name) || (known != knowledge_.programs.end() && is_as_known(known->second, *compiled)))
      continue;
    const bool fresh = known == knowledge_.programs.end();
    const bool is_common =
        leads_somewhere(*compiled) && (fresh ? may_be_common(compiled->program.filter, common) : known->second.common);
    KnownProgram program = known_program(*compiled, is_common, fresh ? sample_of(name, planned) : known->second.sample);
    if (takes_room(program)) ++common;
    if (!fresh && takes_room(known->second)) --common;
    plan.programs.emplace(name, std::move(program));
    plan.warnings.insert(plan.warnings.end(), compiled->lowered.warnings.begin(), compiled->lowered.warnings.end());
  }
  for (const auto* programs : {&old_programs, &new_programs})
    for (const auto& [name, compiled] : *programs)
      if (knowledge_.programs.contains(name)) plan.concerned.insert(name);
  const auto will_be_common = [&](const std::string& name) {
    return is_common(plan.programs.contains(name) ? plan.programs : knowledge_.programs, name);
  };

  // What each port has, and will have.
  std::vector<PortStep> steps(planned.size());
  for (std::size_t i = 0; i < planned.size(); ++i) {
    const PlannedPort& port = planned[i];
    if (port.was_closed) steps[i].before = closed_elements(port_of(ports[i]));
    if (port.stays_closed) steps[i].after = closed_elements(port_of(ports[i]));
    if (port.before) {
      const bool common_before = is_common(knowledge_.programs, port.before->program->lowered.name);
      NWF_TRY(steps[i].before, elements_for(*port.before, common_before, port_of(ports[i])));
    }
    if (port.after) {
      const bool common_after = will_be_common(port.after->program->lowered.name);
      NWF_TRY(steps[i].after, elements_for(*port.after, common_after, port_of(ports[i])));
    }
  }

  const bool any_moves = std::any_of(steps.begin(), steps.end(), moves);
  const bool only_elements =
      plan.programs.empty() && plan.gone.empty() && plan.closed.empty() == knowledge_.closed.empty();
  if (only_elements && any_moves && all_moves_are(false, planned, steps)) {
    for (PortStep& port : steps) {
      PortElements last = take_what_only_it_looks_up(port);
      add_missing(last, port.after, true, plan.sweep);
      add_missing(port.before, port.after, true, plan.changes);
      add_missing(port.after, port.before, false, plan.changes);
    }
    return plan;
  }
  if (!any_moves && only_elements) {
    // The usual case: the programs are there, only elements come and go. Deletions first: in a verdict map the new
    // element may have the key of the old one.
    for (PortStep& port : steps) add_missing(port.before, port.after, true, plan.changes);
    for (PortStep& port : steps) add_missing(port.after, port.before, false, plan.changes);
    return plan;
  }

  const auto frame_stays = [&](const auto& program) {
    const auto known = knowledge_.programs.find(program.first);
    return known != knowledge_.programs.end() && same_frame(known->second, program.second);
  };
  // Of programs that become others in both layers, what they were. Where ports change, too, it is one transaction.
  std::map<std::string, CompiledPtr> in_both_layers;
  if (steps.empty())
    for (const auto& [name, coming] : plan.programs) {
      const auto known = knowledge_.programs.find(name);
      if (known == knowledge_.programs.end() || !chains_of_both_layers_differ(known->second, coming)) continue;
      auto was = before.find(known->second.filter, known->second.sample);
      if (was && (*was)->hash == known->second.hash &&
          both_layers_differ((*was)->lowered, new_programs.at(name)->lowered)) {
        old_programs.emplace(name, *was);
        in_both_layers.emplace(name, std::move(*was));
      }
    }
  if (steps.empty() && in_both_layers.empty() && std::all_of(plan.programs.begin(), plan.programs.end(), frame_stays)) {
    // An edit: programs become others, and all around them, their ports with it, stays as it is.
    Ruleset from, to;
    for (Ruleset* all : {&from, &to}) all->tables.emplace(Family::Bridge, Table{Family::Bridge, {}, {}, {}});
    for (const auto& [name, coming] : plan.programs) {
      const KnownProgram& known = knowledge_.programs.at(name);
      add_program(new_programs.at(name)->lowered, coming.common, to);
      add_known(known, {new_programs.at(name)}, &coming, from);
      add_known_sets({known.sets.begin(), known.sets.end()}, to, from);
    }
    plan.changes = diff(from, to);
    return plan;
  }

  Knowledge then = knowledge_;
  absorb(plan, then);
  NWF_TRY(Ruleset from, frame(knowledge_.frame_needs(), before.capabilities(), before.options()));
  NWF_TRY(Ruleset to, frame(then.frame_needs(), after.capabilities(), after.options()));
  const auto versions_of = [&](const std::string& name) {
    std::vector<CompiledPtr> versions;
    for (const auto* programs : {&old_programs, &new_programs})
      if (const auto found = programs->find(name); found != programs->end()) versions.push_back(found->second);
    return versions;
  };
  for (const std::string& name : plan.concerned) {
    const std::vector<CompiledPtr> versions = versions_of(name);
    const auto coming = plan.programs.find(name);
    add_known(knowledge_.programs.at(name), versions, coming == plan.programs.end() ? nullptr : &coming->second, from);
    // Left by some ports of this change, or come to as it is.
    if (!plan.gone.contains(name) && coming == plan.programs.end())
      add_known(knowledge_.programs.at(name), versions, nullptr, to);
  }
  const auto add_coming = [&](Ruleset& into) {
    for (const auto& [name, program] : plan.programs) add_program(new_programs.at(name)->lowered, program.common, into);
  };
  add_coming(to);
  for (const PortStep& port : steps)
    for (const auto& entry : port.before.entries) {
      const auto table = from.tables.find(Family::Bridge);
      if (table == from.tables.end())
        return fail(ErrorKind::Outdated, "what is known of the kernel has no table for what a port has there");
      table->second.sets.emplace(entry.set.name, entry.set);
    }
  add_known_sets(knowledge_.sets(), to, from);
  add_known_sets(then.sets(), from, to);
  // Those that only the old program looks up are compared with themselves, on the way.
  for (const auto& [name, was] : in_both_layers)
    for (const Set& set : was->lowered.sets) from.tables.at(Family::Bridge).sets.insert_or_assign(set.name, set);
  for (const PortStep& port : steps) add_elements(port.before, from);
  for (const PortStep& port : steps) add_elements(port.after, to);

  // Of a guest that is bound just now nothing was judged before, and its packets on their way have no claim.
  const bool any_before = !edits.empty() || std::any_of(planned.begin(), planned.end(), [](const PlannedPort& port) {
    return port.before.has_value();
  });
  if (any_before) {
    Ruleset grounded = from;
    add_missing_chains(Family::Inet, to, grounded);
    plan.ground = diff(from, grounded);
    plan.unground = diff(grounded, from);
    from = std::move(grounded);
  }
  Ruleset start = from;
  if (any_moves) {
    FrameNeeds both = knowledge_.frame_needs();
    both.add(then.frame_needs());
    // Connection limits of before and after may exclude each other: then all of it is the one transaction.
    if (auto fresh = frame(both, after.capabilities(), after.options())) {
      add_coming(*fresh);
      if (all_moves_are(true, planned, steps)) {
        start = joined(from, *fresh, steps);
        plan.changes = diff(from, start);
        plan.sweep = diff(start, to);
        plan.sweep_waits = true;
        return plan;
      }
      start = made(from, *fresh, steps);
      plan.make = diff(from, start);
      plan.unmake = diff(start, from);
      plan.changes_wait = is_unknown_to_packets(plan.make);
    }
  }
  if (!in_both_layers.empty()) {
    // engine/ruleset/layer_by_layer.h
    const auto half = [&](bool ethernet_changes) -> Result<Ruleset> {
      Knowledge meanwhile = then;
      std::map<std::string, LoweredProgram> mixed;
      for (const auto& [name, was] : in_both_layers) {
        Compiled compiled = *new_programs.at(name);
        const LoweredProgram &old_ones = was->lowered, &new_ones = new_programs.at(name)->lowered;
        compiled.lowered = between(ethernet_changes ? new_ones : old_ones, old_ones, new_ones);
        KnownProgram& known = meanwhile.programs.at(name);
        known = known_program(compiled, known.common, known.sample);
        mixed.emplace(name, std::move(compiled.lowered));
      }
      NWF_TRY(Ruleset held, frame(meanwhile.frame_needs(), after.capabilities(), after.options()));
      for (const auto& [name, program] : plan.programs) {
        const auto found = mixed.find(name);
        add_program(found == mixed.end() ? new_programs.at(name)->lowered : found->second, program.common, held);
      }
      for (const std::string& name : plan.concerned)
        if (!plan.programs.contains(name)) add_known(knowledge_.programs.at(name), versions_of(name), nullptr, held);
      add_known_sets(knowledge_.sets(), from, held);
      add_known_sets(then.sets(), to, held);
      return held;
    };
    const auto first = half(false), second = half(true);
    if (first && second) {
      plan.make = diff(from, *first);
      plan.unmake = diff(*first, from);
      plan.changes = diff(*first, *second);
      plan.sweep = diff(*second, to);
      plan.changes_wait = !plan.make.empty();
      plan.sweep_waits = true;
      return plan;
    }
  }
  const Ruleset end = to_sweep(to, steps);
  plan.changes = diff(start, end);
  plan.sweep = diff(end, to);
  // Ports that only waited for an address leave often, and lose at most a frame: without its values their program
  // drops.
  plan.sweep_waits = !plan.sweep.empty() && std::any_of(planned.begin(), planned.end(), [](const PlannedPort& port) {
    return port.before && !Programs::is_waiting(port.before->program->program.filter);
  });
  return plan;
}

namespace {

/// A plan knows the ports that it changes. A table that it made anew would be without the others.
bool makes_a_table_anew(const Changes& changes) {
  return std::ranges::any_of(changes, [&](const Change& gone) {
    return std::holds_alternative<change::DeleteTable>(gone.what) &&
           std::ranges::any_of(changes, [&](const Change& made) {
             return made.family == gone.family && std::holds_alternative<change::AddTable>(made.what);
           });
  });
}

}  // namespace

Result<std::vector<Error>> Firewall::transition(const std::vector<PortChange>& ports, const ProgramEdits& edits,
                                                Programs& before, Programs& after) {
  const auto not_known = [&] {
    known_ = false;
    return fail(ErrorKind::Outdated, "the kernel does not hold what it should: somebody else changed its ruleset",
                "run `nwfctl reconcile`");
  };
  if (!known_) return not_known();
  auto made = this->plan(ports, edits, before, after);
  if (!made && made.error().kind == ErrorKind::Outdated) return not_known();
  NWF_TRY(const Plan plan, std::move(made));
  for (const Changes* changes : {&plan.ground, &plan.make, &plan.changes, &plan.sweep})
    if (makes_a_table_anew(*changes))
      return fail(ErrorKind::Kernel, "the change would make a table anew, and other ports would be without rules",
                  "nothing was changed; report this with the filters of both before and after");
  const auto unchecked = [&](const std::string& name) { return !knowledge_.programs.at(name).checked; };
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (attempt > 0 || std::any_of(plan.concerned.begin(), plan.concerned.end(), unchecked)) {
      NWF_TRY(const bool holds, check(plan.concerned, before.options()));
      if (!holds) return not_known();
    }
    if (auto sent = send(plan); !sent) {
      // Not when what was prepared is still there: a second time it would be there twice.
      if (sent.error().kind == ErrorKind::Outdated && known_) continue;
      // What should have been possible was not: something is not as it is known, or the change is impossible.
      if (sent.error().kind == ErrorKind::Kernel) known_ = false;
      return fail(std::move(sent).error());
    }
    absorb(plan, knowledge_);
    return plan.warnings;
  }
  return fail(ErrorKind::Kernel,
              fmt::format("somebody else changed the kernel's ruleset {} times meanwhile", kAttempts),
              "see with `nft monitor` who does, and try again");
}

Result<void> Firewall::send(const Plan& plan) {
  std::uint32_t generation = knowledge_.generation;
  std::vector<const Changes*> take_back;
  // Whoever wrote in between: what was prepared is ours to take back, the last first.
  const auto failed = [&](Error error) -> tl::unexpected<Error> {
    for (std::size_t i = take_back.size(); i-- > 0;)
      if (!backend_.apply(*take_back[i], std::nullopt)) known_ = false;
    return fail(std::move(error));
  };
  if (!plan.ground.empty()) {
    NWF_TRY(generation, backend_.apply(plan.ground, generation));
    take_back.push_back(&plan.unground);
    backend_.let_packets_leave();
  }
  if (!plan.make.empty()) {
    auto made = backend_.apply(plan.make, generation);
    if (!made) return failed(std::move(made).error());
    generation = *made;
    take_back.push_back(&plan.unmake);
  }
  if (plan.changes_wait) backend_.let_packets_leave();
  if (!plan.changes.empty()) {
    auto applied = backend_.apply(plan.changes, generation);
    if (!applied) return failed(std::move(applied).error());
    generation = *applied;
  }
  knowledge_.generation = generation;
  if (plan.sweep.empty()) return {};
  if (plan.sweep_waits) backend_.let_packets_leave();
  // The change is made. What is not swept is in nobody's way: the next look at the kernel finds it.
  if (const auto swept = backend_.apply(plan.sweep, generation))
    knowledge_.generation = *swept;
  else
    known_ = false;
  return {};
}

Result<bool> Firewall::check(const std::set<std::string>& programs, const LowerOptions& options) {
  NWF_TRY(const Ruleset expected, frame(knowledge_.frame_needs(), knowledge_.capabilities, options));
  ChainNames names;
  for (const auto& [family, table] : expected.tables)
    for (const auto& [name, chain] : table.chains) names[family].insert(name);
  for (const std::string& program : programs)
    for (const auto& [chain, print] : knowledge_.programs.at(program).chains) names[Family::Bridge].insert(chain);
  NWF_TRY(const Held held, backend_.read(names));
  if (held.generation != knowledge_.generation)
    for (auto& [name, program] : knowledge_.programs) program.checked = false;
  knowledge_.generation = held.generation;
  for (const auto& [family, wanted] : expected.tables) {
    const auto there = held.ruleset.tables.find(family);
    if (there == held.ruleset.tables.end()) return false;
    for (const auto& [name, chain] : wanted.chains) {
      const auto found = there->second.chains.find(name);
      if (found == there->second.chains.end() || found->second.base != chain.base || found->second.rules != chain.rules)
        return false;
    }
    for (const auto& [name, set] : wanted.sets)
      if (!there->second.sets.contains(name)) return false;
  }
  for (const std::string& name : programs) {
    KnownProgram& program = knowledge_.programs.at(name);
    const auto table = held.ruleset.tables.find(Family::Bridge);
    if (table == held.ruleset.tables.end()) return false;
    for (const auto& [chain, print] : program.chains) {
      const auto found = table->second.chains.find(chain);
      if (found == table->second.chains.end() || fingerprint(found->second) != print) return false;
    }
    for (const std::string& set : program.sets)
      if (!table->second.sets.contains(set)) return false;
    program.checked = true;
  }
  return true;
}

Result<Firewall::Drift> Firewall::drift(const std::vector<Binding>& bindings, Programs& programs) {
  Drift drift;
  NWF_TRY(drift.held, backend_.read());
  NWF_TRY(drift.wanted, wanted_ruleset(bindings, programs, drift.held.ruleset));
  drift.changes = diff(drift.held.ruleset, drift.wanted.ruleset);
  return drift;
}

Result<Firewall::Reconciled> Firewall::reconcile(const std::vector<Binding>& bindings, Programs& programs) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    NWF_TRY(Drift drift, this->drift(bindings, programs));
    std::uint32_t generation = drift.held.generation;
    if (!drift.changes.empty()) {
      auto applied = backend_.apply(drift.changes, generation);
      if (!applied && applied.error().kind == ErrorKind::Outdated) continue;
      if (!applied) return fail(std::move(applied).error());
      generation = *applied;
    }
    knowledge_.generation = generation;
    knowledge_.place = this_place();
    knowledge_.host_traffic = programs.options().filter_host_traffic;
    knowledge_.ethernet = programs.options().ethernet;
    knowledge_.inet = programs.options().inet;
    knowledge_.capabilities = programs.capabilities();
    knowledge_.programs = std::move(drift.wanted.programs);
    knowledge_.closed.clear();
    for (const ClosedPort& closed : drift.wanted.closed) knowledge_.closed.insert(closed.port);
    known_ = true;
    return Reconciled{drift.changes.size(), std::move(drift.wanted.closed)};
  }
  return fail(ErrorKind::Kernel,
              fmt::format("somebody else changed the kernel's ruleset {} times meanwhile", kAttempts),
              "see with `nft monitor` who does, and try again");
}

}  // namespace nwf::host
