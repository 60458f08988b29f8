// SPDX-License-Identifier: GPL-2.0-or-later
// A directory that leaves nothing behind, not even when its process is killed.
#pragma once

#include <string>

#include "engine/error.h"

namespace nwf::test {

/// Gives this process a mount namespace of its own with an empty tmpfs over /mnt, and returns a directory in it.
Result<std::string> make_scratch_directory();

}  // namespace nwf::test
