// SPDX-License-Identifier: GPL-2.0-or-later
// Compiled programs, each made once: ports whose filter tree and shape agree get the same one.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/program/compile.h"
#include "engine/ruleset/dispatch.h"

namespace nwf::host {

struct Compiled {
  Program program;
  LoweredProgram lowered;
  std::string hash;  ///< of `lowered`
};
using CompiledPtr = std::shared_ptr<const Compiled>;

class Programs {
 public:
  Programs(FilterLookup lookup, Capabilities capabilities, LowerOptions options)
      : lookup_(std::move(lookup)), capabilities_(capabilities), options_(options) {}

  /// The program of a port with these variables. Errors: those of compile() and lower(); Invalid when there is
  /// no such filter.
  Result<CompiledPtr> find(const std::string& filter, const Variables& variables);

  const Capabilities& capabilities() const { return capabilities_; }
  const LowerOptions& options() const { return options_; }

 private:
  FilterLookup lookup_;
  Capabilities capabilities_;
  LowerOptions options_;
  std::map<std::string, std::vector<CompiledPtr>> by_filter_;
};

}  // namespace nwf::host
