// SPDX-License-Identifier: GPL-2.0-or-later
// Program → a program of the same meaning that is shorter on a packet's way.
//
// Each pass is a function in a file of its own, and can be left out: none needs another to be right, and the order in
// which optimise() calls them is only the one in which they find most. A pass says in its file why no packet's verdict
// changes. What a pass may not do without: order (the first rule that matches decides), the end of an ethernet chain
// (it accepts), and what a rule does besides deciding (keep.h).
#pragma once

#include <cstddef>

#include "engine/program/optimise/optimisations.h"
#include "engine/program/program.h"

namespace nwf {

/// Most rules of a program that passes are made over: some compare each rule with all before it, and an edit of a large
/// filter must not wait for them (nwf-bench: a tree of 1,000 rules).
constexpr std::size_t kMostRulesOptimised = 500;

/// A larger program comes back as it is.
Program optimise(Program program, const Optimisations& optimisations);

}  // namespace nwf
