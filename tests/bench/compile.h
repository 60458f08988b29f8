// SPDX-License-Identifier: GPL-2.0-or-later
// What it costs to make a program of a large filter tree.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/backend.h"
#include "engine/model/binding.h"
#include "engine/program/flatten.h"

namespace nwf::bench {

struct CompileCost {
  std::size_t filters = 0, rules = 0;  ///< of the tree
  std::size_t kernel_rules = 0;        ///< of the program
  double ms = 0;                       ///< median, from filters in memory to the program's chains
};

/// A filter tree in memory, and what a port would bring to it.
struct CompileCase {
  std::map<std::string, std::shared_ptr<const Filter>> filters;
  std::string root;
  Variables variables;

  FilterLookup lookup() const;
};
Result<CompileCase> thousand_rules();
Result<CompileCase> clean_traffic();

/// A filter with 50 references, to 1,000 rules in all.
Result<CompileCost> compile_cost(const Capabilities& capabilities);

}  // namespace nwf::bench
