// SPDX-License-Identifier: GPL-2.0-or-later
// One test of the frame's type instead of one at each jump and rule.
#pragma once

#include "engine/program/program.h"

namespace nwf {

/// In an ethernet flow: for each type that several entries of the root chain ask for, a chain of its own that holds
/// what such frames can meet, and a jump to it in front.
Program by_ethertype(Program program);

}  // namespace nwf
