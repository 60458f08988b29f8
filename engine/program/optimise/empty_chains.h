// SPDX-License-Identifier: GPL-2.0-or-later
// Chains that hold nothing worth a jump are gone, and flows that stop nothing.
#pragma once

#include "engine/program/program.h"

namespace nwf {

/// A chain whose first rule decides for every packet becomes a rule where it was jumped to; chains that nothing jumps
/// to are left out; a flow that accepts whatever comes judges nothing, and needs no hook.
Program empty_chains(Program program);

}  // namespace nwf
