// SPDX-License-Identifier: GPL-2.0-or-later
// Which variables a filter tree needs from a binding.
#pragma once

#include <set>
#include <string>

#include "engine/program/flatten.h"

namespace nwf {

/// Names of variables that some rule of the tree uses and no reference on the way to it gives. A binding that lacks
/// one of them cannot be compiled; MAC, which every binding has, is not named.
std::set<std::string> needed_variables(const FlatFilter& flat);

}  // namespace nwf
