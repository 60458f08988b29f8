// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/programs.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/legacy/port_tables.h"
#include "engine/program/needs.h"
#include "engine/program/optimise/optimise.h"
#include "host/library.h"
#include "xml/filter.h"

namespace nwf::host {
namespace {

/// Names that no user can give to a filter, and nft can print.
constexpr std::string_view kOwnPrefix = "nwf/";

/// Stands for a value that is not known yet while a program is compiled; the port gets no element for it.
std::string placeholder(std::string_view variable) {
  if (variable == "nwf_server_mac") return "00:00:00:00:00:00";
  return variable == "IP" || variable == "nwf_server_ip" ? "0.0.0.0" : "::";
}

/// What a program is compiled with: empty lists filled.
Variables with_placeholders(Variables variables) {
  for (auto& [name, values] : variables)
    if (values.empty()) values = {placeholder(name)};
  return variables;
}

/// True when the program depends on this variable's values, beyond looking them up.
bool depends_on(const Program& program, const std::string& variable) {
  const auto& facts = program.shape.facts;
  return std::any_of(facts.begin(), facts.end(), [&](const nwf::Fact& fact) {
    return fact.variable == variable && (fact.kind == nwf::Fact::Kind::Single || fact.kind == nwf::Fact::Kind::Values);
  });
}

/// The trusted servers of a binding, each kind in a variable of its own.
Variables servers_of(const Variables& variables) {
  Variables servers;
  const auto given = variables.find(std::string(kServerVariable));
  if (given == variables.end() || given->second.empty()) return servers;
  for (const char* name : {"nwf_server_ip", "nwf_server_ipv6", "nwf_server_mac"}) servers[name];
  for (const std::string& server : given->second) {
    if (Ipv4::parse(server)) servers["nwf_server_ip"].push_back(server);
    if (Ipv6::parse(server)) servers["nwf_server_ipv6"].push_back(server);
    if (Mac::parse(server)) servers["nwf_server_mac"].push_back(server);
  }
  return servers;
}

}  // namespace

bool Programs::is_waiting(std::string_view filter) { return filter.substr(0, kOwnPrefix.size()) == kOwnPrefix; }

Variables Placement::sample() const { return with_placeholders(variables); }

Result<std::shared_ptr<const Filter>> Programs::root(const std::string& filter) {
  NWF_TRY(auto found, lookup_(filter));
  if (found == nullptr)
    return fail(ErrorKind::Invalid, fmt::format("there is no filter '{}'", filter), "see `nwfctl filter list`");
  return found;
}

Result<CompiledPtr> Programs::make(const std::shared_ptr<const Filter>& root, const FilterLookup& lookup,
                                   const Variables& variables) {
  auto compiled = std::make_shared<Compiled>();
  NWF_TRY(compiled->program, compile(root, lookup, variables));
  if (options_.ethernet && options_.inet)
    NWF_CHECK(check_lowerable(compiled->program));
  else
    NWF_CHECK(divide(*compiled, variables));
  compiled->program = optimise(std::move(compiled->program), options_.optimise);
  NWF_TRY(compiled->lowered, lower(compiled->program, capabilities_, options_));
  compiled->hash = compiled->lowered.hash();
  return CompiledPtr(std::move(compiled));
}

Result<void> Programs::divide(Compiled& compiled, const Variables& variables) const {
  compiled.plain = std::make_shared<const Program>(compiled.program);
  // Any port's name does: what cannot be said is so for all of them. What is wrong with these values is not: that is
  // told of the port that has them.
  const PortName some = *PortName::parse("port");
  if (auto tables = legacy::port_tables(*compiled.plain, some, variables, {false, !options_.ethernet});
      !tables && tables.error().kind == ErrorKind::Unsupported)
    return fail(std::move(tables).error());
  for (const Direction direction : {Direction::Out, Direction::In}) {
    Flow& inet = compiled.program.flows[flow_index(Layer::Inet, direction)];
    for (const ProgramChain& chain : inet.chains) {
      const bool ipv6 = chain.name == "ip6";
      if (chain.name == "root" ||
          (ipv6 ? capabilities_.bridge_netfilter6 : capabilities_.bridge_netfilter4) == Probe::Yes)
        continue;
      return fail(ErrorKind::Unsupported,
                  fmt::format("{} has rules of the inet layer, and ip{}tables sees no bridged packets here",
                              compiled.program.filter, ipv6 ? "6" : ""),
                  fmt::format("load br_netfilter and set net.bridge.bridge-nf-call-ip{}tables=1", ipv6 ? "6" : ""));
    }
    if (!options_.inet) inet = {};
    if (!options_.ethernet) compiled.program.flows[flow_index(Layer::Ethernet, direction)] = {};
  }
  compiled.program.gather_sets();
  return {};
}

Result<CompiledPtr> Programs::find(const std::string& filter, const Variables& variables) {
  std::vector<CompiledPtr>& known = by_filter_[filter];
  for (const CompiledPtr& compiled : known)
    if (compiled->program.shape.holds(variables)) return compiled;
  NWF_TRY(const auto tree, root(filter));
  NWF_TRY(auto compiled, make(tree, lookup_, variables));
  known.push_back(compiled);
  return compiled;
}

Result<CompiledPtr> Programs::waiting(const std::string& name, const Variables& variables) {
  if (const auto known = waiting_.find(name); known != waiting_.end()) return known->second;
  const auto& own = waiting_filters();
  const auto text =
      std::find_if(own.begin(), own.end(), [&](const StockFilter& filter) { return filter.name == name; });
  NWF_TRY(auto parsed, xml::read_filter(text->text, name));
  const auto filter = std::make_shared<Filter>(std::move(parsed.value));
  filter->name = std::string(kOwnPrefix) + name;
  NWF_TRY(auto compiled, make(filter, lookup_, variables));
  waiting_.emplace(name, compiled);
  return compiled;
}

Result<const std::set<std::string>*> Programs::needed(const std::string& filter) {
  auto known = needed_.find(filter);
  if (known == needed_.end()) {
    NWF_TRY(const auto tree, root(filter));
    NWF_TRY(const auto flat, flatten(tree, lookup_));
    known = needed_.emplace(filter, needed_variables(flat)).first;
  }
  return &known->second;
}

Result<Placement> Programs::place(const Binding& binding) {
  Placement placement;
  placement.variables = binding.effective_variables();
  NWF_TRY(const auto* needs, needed(binding.filter));
  for (const std::string& name : *needs)
    if (!placement.variables.contains(name) && can_be_learned(name)) placement.learns.insert(name);
  if (!placement.learns.empty()) {
    NWF_TRY(const Learning learning, learning_of(placement.variables, learning_by_default_));
    if (learning == Learning::None) placement.learns.clear();  // compile() says what is missing, and where
  }
  if (placement.learns.empty()) {
    NWF_TRY(placement.program, find(binding.filter, placement.variables));
    return placement;
  }
  for (const std::string& name : placement.learns) {
    const auto known = binding.learned.find(name);
    placement.variables[name] = known == binding.learned.end() ? std::vector<std::string>{} : known->second;
  }
  NWF_TRY(placement.program, find(binding.filter, with_placeholders(placement.variables)));
  const auto unknown = [&](const std::string& name) { return placement.variables.at(name).empty(); };
  // A rule that asks whether an address is *not* the port's own cannot be asked while there is none.
  placement.waits = std::all_of(placement.learns.begin(), placement.learns.end(), unknown) ||
                    std::any_of(placement.learns.begin(), placement.learns.end(), [&](const std::string& name) {
                      return unknown(name) && depends_on(placement.program->program, name);
                    });
  const Variables servers = servers_of(placement.variables);
  placement.variables.insert(servers.begin(), servers.end());
  if (placement.waits) {
    NWF_TRY(placement.program,
            waiting(servers.empty() ? "waiting" : "waiting-server", with_placeholders(placement.variables)));
  }
  return placement;
}

}  // namespace nwf::host
