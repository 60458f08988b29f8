// SPDX-License-Identifier: GPL-2.0-or-later
// The packets that most often come are accepted by a flow's first rule.
#pragma once

#include "engine/program/program.h"

namespace nwf {

/// In an ethernet flow: `ether type ip, ether saddr in $MAC, ip saddr in $IP: accept` in front, when that is what all
/// the chains come to for such packets; the same for IPv6, or for every frame where its type does not matter.
Program fast_accept(Program program);

}  // namespace nwf
