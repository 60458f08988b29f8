// SPDX-License-Identifier: GPL-2.0-or-later
// Rules that differ only in the value of one field become one rule that looks the field up in a set.
#pragma once

#include "engine/program/program.h"

namespace nwf {

/// `tcp dport 80 accept`, `tcp dport 443 accept`, `tcp dport 8080 accept`: `tcp dport { 80, 443, 8080 } accept`.
Program merge_values(Program program);

}  // namespace nwf
