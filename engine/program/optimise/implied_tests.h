// SPDX-License-Identifier: GPL-2.0-or-later
// What a packet's way here has already said is not asked again.
#pragma once

#include "engine/program/program.h"

namespace nwf {

/// Leaves out tests that hold for every packet that comes to them, rules that match none, rules behind one that matches
/// all, guards that are known, and jumps no packet takes.
Program implied_tests(Program program);

}  // namespace nwf
