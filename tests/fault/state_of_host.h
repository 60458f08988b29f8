// SPDX-License-Identifier: GPL-2.0-or-later
// All that a change may change, as values to compare: the documents on disk, and the rules in the kernel.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/backend.h"

namespace nwf::test {

/// Path below the root to text: all filters and bindings.
using Documents = std::map<std::string, std::string>;
Documents documents_below(const std::string& root);
/// Files below the root that no document is: what a killed writer left.
std::vector<std::string> leftovers_below(const std::string& root);

struct HostState {
  Documents documents;
  Ruleset kernel;
};
Result<HostState> read_state(const std::string& root, Backend& backend);

/// Nothing when both rule the same packets with the same objects; else what differs, in words.
std::vector<std::string> difference(const Ruleset& from, const Ruleset& to);
/// Which documents differ, for messages.
std::string difference(const Documents& from, const Documents& to);

}  // namespace nwf::test
