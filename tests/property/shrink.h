// SPDX-License-Identifier: GPL-2.0-or-later
// A case that fails made smaller for as long as it still fails.
#pragma once

#include <functional>

#include "engine/program/optimise/optimisations.h"
#include "tests/property/random_filter.h"
#include "tests/property/random_packet.h"

namespace nwf::test {

struct Case {
  Tree tree;
  std::vector<RandomPacket> packets;
  Optimisations passes = {};
  bool stays_bound = false;  ///< the next tree comes by edits
};

/// Leaves out packets, rules, references, attributes and priorities one by one. `fails` says whether a smaller case
/// still shows the failure; the given one does.
Case shrink(Case failing, const std::function<bool(const Case&)>& fails);

}  // namespace nwf::test
