// SPDX-License-Identifier: GPL-2.0-or-later
// Legacy tables as text that the programs of their kind restore from.
#pragma once

#include <string>

#include "engine/legacy/tables.h"

namespace nwf::print {

/// For `iptables-restore --noflush`, `ip6tables-restore --noflush` or, of the ethernet family, `ebtables-restore
/// --noflush`. Chains are made (or emptied) and filled; what is in chains that are not nwf's stays. Empty when there is
/// nothing to say. Errors: Unsupported for a name that cannot stand in such a text.
Result<std::string> iptables(const legacy::Tables& tables, legacy::Family family);

}  // namespace nwf::print
