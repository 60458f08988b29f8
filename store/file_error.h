// SPDX-License-Identifier: GPL-2.0-or-later
// A failed system call on a file, told as an Error: Denied for missing permission, Storage for the rest.
#pragma once

#include <string>

#include "engine/error.h"

namespace nwf::store {

/// `doing` is a verb ("write"), `path` the file the user knows (never a temporary name), `code` an errno.
Error file_error(int code, const std::string& doing, const std::string& path);

}  // namespace nwf::store
