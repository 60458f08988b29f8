// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/programs.h"

#include <fmt/format.h>

#include "engine/program/optimise/optimise.h"

namespace nwf::host {

Result<CompiledPtr> Programs::find(const std::string& filter, const Variables& variables) {
  std::vector<CompiledPtr>& known = by_filter_[filter];
  for (const CompiledPtr& compiled : known)
    if (compiled->program.shape.holds(variables)) return compiled;

  NWF_TRY(const auto root, lookup_(filter));
  if (root == nullptr)
    return fail(ErrorKind::Invalid, fmt::format("there is no filter '{}'", filter), "see `nwfctl filter list`");
  auto compiled = std::make_shared<Compiled>();
  NWF_TRY(compiled->program, compile(root, lookup_, variables));
  compiled->program = optimise(std::move(compiled->program), options_.optimise);
  NWF_TRY(compiled->lowered, lower(compiled->program, capabilities_, options_));
  compiled->hash = compiled->lowered.hash();
  known.push_back(compiled);
  return CompiledPtr(std::move(compiled));
}

}  // namespace nwf::host
