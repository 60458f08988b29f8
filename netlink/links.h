// SPDX-License-Identifier: GPL-2.0-or-later
// Network interfaces of this namespace.
#pragma once

#include "engine/model/address.h"

namespace nwf::netlink {

/// True when an interface of this name exists now.
bool link_exists(const PortName& port);

}  // namespace nwf::netlink
