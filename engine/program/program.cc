// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/program.h"

namespace nwf {

void Program::gather_sets() {
  std::set<ValueSet> found;
  for (const Flow& flow : flows)
    for (const ProgramChain& chain : flow.chains)
      for (const ProgramEntry& entry : chain.entries)
        if (const auto* rule = std::get_if<ProgramRule>(&entry.what))
          for (const Test& test : rule->tests)
            if (const auto* member = std::get_if<test::Member>(&test)) found.insert(member->set);
  sets.assign(found.begin(), found.end());
}

}  // namespace nwf
