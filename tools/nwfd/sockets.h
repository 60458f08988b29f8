// SPDX-License-Identifier: GPL-2.0-or-later
// The Unix sockets that nwfd listens on: its own, or those that systemd opened for it.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

#include "engine/error.h"

namespace nwf::tools {

/// Makes the directory of `path` (0755), `state` in it (0700), and a lock beside the socket, so that no two daemons
/// work below one root. The descriptor holds the lock as long as it is open. Errors: Refused when another nwfd has it.
Result<int> lock_daemon(const std::string& path);

/// A listening socket at `path`, in place of one that an ended daemon left. Mode 0600; 0660 and the group's when there
/// is one; 0666 when others may read.
Result<int> listen_at(const std::string& path, std::optional<gid_t> group, bool others);

/// Sockets from systemd, by the names of their units' FileDescriptorName=.
std::map<std::string, int> activated_sockets();

/// Errors: NotFound.
Result<gid_t> group_of(const std::string& name);

}  // namespace nwf::tools
