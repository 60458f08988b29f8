// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's legacy tables, in the network namespace this thread is in.
#pragma once

#include <memory>

#include "engine/legacy/kernel.h"
#include "legacy/lock.h"

namespace nwf::legacy {

/// Opens nothing yet.
std::unique_ptr<Kernel> open_kernel(const std::string& lock = kXtablesLock);

}  // namespace nwf::legacy
