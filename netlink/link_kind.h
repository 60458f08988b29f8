// SPDX-License-Identifier: GPL-2.0-or-later
// What kind of interface one is.
#pragma once

#include "engine/model/address.h"

namespace nwf::netlink {

/// True for a TAP device: an interface of the kind `tun` that a program holds the other end of. False when there is
/// none of this name, or the kernel does not say.
bool is_tap(const PortName& port);

}  // namespace nwf::netlink
