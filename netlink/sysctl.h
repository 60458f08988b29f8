// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's switches below /proc/sys, of this network namespace.
#pragma once

#include <optional>
#include <string>

#include "engine/error.h"

namespace nwf::netlink {

/// What the file says, without its line end; nothing when this kernel has no such file.
Result<std::optional<std::string>> read_sysctl(const std::string& name);
/// Errors: NotFound when this kernel has no such file, Denied, Kernel.
Result<void> write_sysctl(const std::string& name, const std::string& value);

}  // namespace nwf::netlink
