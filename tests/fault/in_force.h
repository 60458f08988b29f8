// SPDX-License-Identifier: GPL-2.0-or-later
// What of a ruleset a packet can meet. What is only prepared, or not swept up yet, is not in it.
#pragma once

#include "engine/ruleset/ruleset.h"

namespace nwf::test {

/// For each base chain the ports that it leads somewhere, as elements of a map `found by CHAIN`, instead of the rules
/// that look them up; the chains that some port comes to; values of ports in sets that are looked up there.
Ruleset in_force(const Ruleset& ruleset);

}  // namespace nwf::test
