// SPDX-License-Identifier: GPL-2.0-or-later
// firewalld, asked over the message bus to have a network's bridge in one of its zones. Only what runs is changed,
// never its files.
#pragma once

#include "host/zones.h"

namespace nwf::rpc {

/// Nothing where there is no message bus, or no firewalld on it; it is not started. Errors: Kernel.
Result<std::unique_ptr<host::Zones>> find_firewalld();

}  // namespace nwf::rpc
