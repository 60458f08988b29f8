// SPDX-License-Identifier: GPL-2.0-or-later
// Any tree of filters with any values: refused, or a ruleset that a kernel could take, whatever that kernel can do.
#include <algorithm>
#include <memory>

#include "engine/model/binding.h"
#include "engine/print/nft.h"
#include "engine/program/compile.h"
#include "engine/program/optimise/optimise.h"
#include "engine/ruleset/diff.h"
#include "engine/ruleset/dispatch.h"
#include "engine/simulate/backend.h"
#include "tests/fuzz/must.h"
#include "tests/property/random_filter.h"

namespace nwf {
namespace {

/// Now and then a value that no administrator would give, or a reference that goes in a circle or nowhere.
void spoil(test::Tree& tree, test::Dice& dice) {
  for (auto& [name, values] : tree.variables) {
    if (dice.chance(15)) values.push_back(dice.text(40));
    if (dice.chance(10)) values.resize(values.size() + dice.below(40), values.front());
    if (dice.chance(5)) values.clear();
  }
  if (dice.chance(10)) tree.variables.erase(dice.one_of({"IP", "IPV6", "PORT"}));
  if (dice.chance(10)) {
    FilterRef ref;
    ref.filter = dice.one_of({"root", "part1", "part3", "nowhere"});
    ref.parameters["IP"] = {dice.text(20)};
    tree.filters[dice.below(tree.filters.size())].entries.emplace_back(std::move(ref));
  }
}

Capabilities capabilities(test::Dice& dice) {
  const auto probe = [&] { return dice.one_of({Probe::No, Probe::Yes, Probe::Unknown}); };
  return {probe(), probe(), probe(), probe(), probe()};
}

void one(test::Dice& dice) {
  test::Tree tree = test::random_tree(dice);
  spoil(tree, dice);
  std::map<std::string, std::shared_ptr<const Filter>> filters;
  for (const Filter& filter : tree.filters) filters[filter.name] = std::make_shared<Filter>(filter);
  const FilterLookup lookup = [&](const std::string& name) -> Result<std::shared_ptr<const Filter>> {
    const auto found = filters.find(name);
    return found == filters.end() ? nullptr : found->second;
  };
  Binding binding{{}, *PortName::parse("vnet0"), *Mac::parse("52:54:00:00:00:01"), "root", tree.variables, {}};
  const Variables variables = binding.effective_variables();
  auto program = compile(filters.at("root"), lookup, variables);
  if (!program) {
    fuzz::must(!program.error().message.empty(), "a refusal says why", "");
    return;
  }
  fuzz::must(program->shape.holds(variables), "a program is for the values it was compiled with", program->name);
  Optimisations passes;
  for (bool* pass : {&passes.fast_accept, &passes.by_ethertype, &passes.implied_tests, &passes.merge_values,
                     &passes.join_members, &passes.empty_chains})
    *pass = dice.chance(70);
  *program = optimise(*std::move(program), passes);
  const Capabilities able = capabilities(dice);
  LowerOptions options;
  options.filter_host_traffic = dice.chance(20);
  const auto lowered = lower(*program, able, options);
  if (!lowered) {
    fuzz::must(lowered.error().kind == ErrorKind::Unsupported, "a program fails a kernel only by what that lacks",
               describe(lowered.error()));
    return;
  }
  const bool common = dice.chance(70);
  FrameNeeds needs;
  needs.add(*lowered, common);
  needs.add_dispatch(lowered->ports, lowered->entry, common);
  auto ruleset = frame(needs, able, options);
  fuzz::must(ruleset.has_value(), "one program has a frame", program->name);
  add_program(*lowered, common, *ruleset);
  const auto elements = port_elements(*lowered, program->sets, common, binding.port, variables);
  fuzz::must(elements.has_value(), "values that were compiled are elements",
             elements ? "" : describe(elements.error()));
  add_elements(*elements, *ruleset);
  for (const auto& [family, table] : ruleset->tables)
    for (const auto& [name, chain] : table.chains)
      for (const Rule& rule : chain.rules)
        fuzz::must(!print::nft(rule).empty() && rule.comment.size() <= 255, "a rule has words and a comment", name);
  const auto there = simulate::applied(diff({}, *ruleset), {});
  fuzz::must(there.has_value(), "what is wanted can be made", there ? "" : describe(there.error()));
  fuzz::must(diff(*there, *ruleset).empty(), "what was made is what was wanted", program->name);
  const auto gone = simulate::applied(diff(*there, {}), *there);
  fuzz::must(gone.has_value() && *gone == Ruleset{}, "what was made can be taken away", program->name);
}

}  // namespace
}  // namespace nwf

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nwf::test::Dice dice(std::span<const std::uint8_t>(data, size));
  nwf::one(dice);
  return 0;
}
