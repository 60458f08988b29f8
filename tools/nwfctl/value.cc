// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/value.h"

#include <algorithm>

namespace nwf::tools {

bool changes_something(const host::Planned& planned) {
  const auto changes = [](const auto& deed) { return deed.deed != host::Deed::Same; };
  return !planned.changes.empty() || std::ranges::any_of(planned.filters, changes) ||
         std::ranges::any_of(planned.bindings, changes);
}

}  // namespace nwf::tools
