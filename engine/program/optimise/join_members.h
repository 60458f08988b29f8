// SPDX-License-Identifier: GPL-2.0-or-later
// A rule's lookups of a port's MAC and of its other values become one lookup of both together.
#pragma once

#include "engine/program/program.h"

namespace nwf {

/// `ether saddr in $MAC, ip saddr in $IP`: `ether saddr . ip saddr in $MAC . $IP`.
Program join_members(Program program);

}  // namespace nwf
