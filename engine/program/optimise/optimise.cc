// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/optimise.h"

#include <set>

#include "engine/program/optimise/by_ethertype.h"
#include "engine/program/optimise/empty_chains.h"
#include "engine/program/optimise/fast_accept.h"
#include "engine/program/optimise/implied_tests.h"
#include "engine/program/optimise/join_members.h"
#include "engine/program/optimise/merge_values.h"

namespace nwf {
namespace {

std::size_t entries_of(const Program& program) {
  std::size_t entries = 0;
  for (const Flow& flow : program.flows)
    for (const ProgramChain& chain : flow.chains) entries += chain.entries.size();
  return entries;
}

}  // namespace

Program optimise(Program program, const Optimisations& optimisations) {
  if (entries_of(program) > kMostRulesOptimised) return program;
  // fast_accept first: it needs the whole way in sight. What it lets pass early makes tests further on superfluous,
  // and chains then become empty.
  if (optimisations.fast_accept) program = fast_accept(std::move(program));
  if (optimisations.by_ethertype) program = by_ethertype(std::move(program));
  if (optimisations.implied_tests) program = implied_tests(std::move(program));
  if (optimisations.merge_values) program = merge_values(std::move(program));
  if (optimisations.join_members) program = join_members(std::move(program));
  if (optimisations.empty_chains) program = empty_chains(std::move(program));
  program.gather_sets();
  return program;
}

}  // namespace nwf
