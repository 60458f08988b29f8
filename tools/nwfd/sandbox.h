// SPDX-License-Identifier: GPL-2.0-or-later
// What nwfd gives up once everything that needs it is open: all capabilities but CAP_NET_ADMIN and CAP_NET_RAW, every
// system call it has no use for, and privileges gained by running something, for good.
#pragma once

#include "engine/error.h"

namespace nwf::tools {

/// After this no program can be started. Whatever has to be started by the daemon (a DHCP server for virtual networks)
/// is the business of a process that parts from it before: in run_daemon(), where the comment says so.
Result<void> enter_sandbox();

}  // namespace nwf::tools
