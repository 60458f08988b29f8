// SPDX-License-Identifier: GPL-2.0-or-later
// An interface as a port of a bridge.
#pragma once

#include "engine/error.h"
#include "engine/model/address.h"

namespace nwf::netlink {

/// Makes `port` a port of `bridge`, whatever it was a port of before, and brings it up: one message to the kernel.
/// Errors: NotFound when one of them does not exist, Denied, Kernel.
Result<void> join_bridge(const PortName& port, const PortName& bridge);

}  // namespace nwf::netlink
