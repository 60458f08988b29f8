// SPDX-License-Identifier: GPL-2.0-or-later
// nwfd: one host::Service, and all that asks it, watches for it and tells of it, on one thread and one event loop.
#pragma once

#include "engine/error.h"
#include "tools/nwfd/options.h"

namespace nwf::tools {

/// Runs until SIGTERM or SIGINT. Errors: what kept it from starting.
Result<void> run_daemon(const DaemonOptions& options);

}  // namespace nwf::tools
