// SPDX-License-Identifier: GPL-2.0-or-later
// The way of a program whose two layers both become others, for packets that are between the layers when it happens.
//
// A transaction changes both layers at one instant, but a packet goes through them one after the other: one that the
// old ethernet layer let pass may meet the new inet layer. When the old inet layer would have dropped it and the new
// ethernet layer would have, neither does. So such a program changes by three transactions, and in the middle one the
// inet layer is that of both: a packet passes it only when the old one and the new one let it.
//
//     between(old, old, new)   inet of both
//     between(new, old, new)   the other ethernet layer; packets that met the old one have not left the inet of both
//     new                      when they have
#pragma once

#include "engine/ruleset/lower.h"

namespace nwf {

/// Some chain of each layer differs between the two. Nothing of a layer that only one of them has: its coming or its
/// going is a difference, too.
bool both_layers_differ(const LoweredProgram& before, const LoweredProgram& after);

/// The program with the ethernet layer of `ethernet` (one of the two), and an inet layer that lets pass what both let
/// pass. Its other parts (sets, needs, limits) are those of both.
LoweredProgram between(const LoweredProgram& ethernet, const LoweredProgram& before, const LoweredProgram& after);

}  // namespace nwf
