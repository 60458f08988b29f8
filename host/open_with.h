// SPDX-License-Identifier: GPL-2.0-or-later
// open() with a backend of the caller's.
#pragma once

#include <memory>

#include "engine/backend.h"
#include "host/host.h"
#include "host/learning.h"

namespace nwf::host {

std::unique_ptr<LearningHost> open_with(const Options& options, std::unique_ptr<Backend> backend);

}  // namespace nwf::host
