// SPDX-License-Identifier: GPL-2.0-or-later
// A transaction in nft's words: what `nft -f` would be given for it.
#pragma once

#include <string>
#include <vector>

#include "engine/ruleset/change.h"

namespace nwf::print {

/// One command for each change, in their order.
std::vector<std::string> nft(const Changes& changes);

}  // namespace nwf::print
