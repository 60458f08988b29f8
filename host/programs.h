// SPDX-License-Identifier: GPL-2.0-or-later
// Compiled programs, each made once: ports whose filter tree and shape agree get the same one.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/model/binding.h"
#include "engine/model/learning.h"
#include "engine/program/compile.h"
#include "engine/ruleset/dispatch.h"

namespace nwf::host {

struct Compiled {
  Program program;
  /// With all layers and before any pass; only where the legacy tables judge some of them.
  std::shared_ptr<const Program> plain = {};
  LoweredProgram lowered;
  std::string hash;  ///< of `lowered`
};
using CompiledPtr = std::shared_ptr<const Compiled>;

/// What a port runs.
struct Placement {
  CompiledPtr program;
  Variables variables = {};        ///< the port's values; a learned variable of which nothing is known is empty
  std::set<std::string> learns{};  ///< the variables that it learns
  bool waits = false;              ///< `program` is that of ports without an address

  /// The variables with something in place of what is not known yet: with these `program` is compiled.
  Variables sample() const;
};

class Programs {
 public:
  Programs(FilterLookup lookup, Capabilities capabilities, LowerOptions options,
           Learning learning_by_default = Learning::Any)
      : lookup_(std::move(lookup)),
        capabilities_(capabilities),
        options_(options),
        learning_by_default_(learning_by_default) {}

  /// The program of a port with these variables. Errors: those of compile() and lower(); Invalid when there is no such
  /// filter.
  Result<CompiledPtr> find(const std::string& filter, const Variables& variables);
  /// What the port of this binding runs. A filter that needs addresses which nobody gives makes the port learn them,
  /// unless the binding says not to. Errors: those of compile() and lower(); Invalid when there is no such filter,
  /// for a variable that nobody gives, and for a way to learn that is none.
  Result<Placement> place(const Binding& binding);

  /// True for the name of the filter that ports run while they wait for an address.
  static bool is_waiting(std::string_view filter);

  const Capabilities& capabilities() const { return capabilities_; }
  const LowerOptions& options() const { return options_; }

 private:
  Result<CompiledPtr> waiting(const std::string& name, const Variables& variables);
  Result<const std::set<std::string>*> needed(const std::string& filter);
  Result<CompiledPtr> make(const std::shared_ptr<const Filter>& root, const FilterLookup& lookup,
                           const Variables& variables);
  /// Leaves to the legacy tables what is theirs. Errors: Unsupported for what they cannot do.
  Result<void> divide(Compiled& compiled, const Variables& variables) const;
  Result<std::shared_ptr<const Filter>> root(const std::string& filter);

  FilterLookup lookup_;
  Capabilities capabilities_;
  LowerOptions options_;
  Learning learning_by_default_;
  std::map<std::string, std::vector<CompiledPtr>> by_filter_;
  std::map<std::string, std::set<std::string>> needed_;
  std::map<std::string, CompiledPtr> waiting_;
};

}  // namespace nwf::host
