// SPDX-License-Identifier: GPL-2.0-or-later
// Listening sockets as libvirt's daemons have them.
#pragma once

#include <sys/types.h>

#include <string>

#include "engine/error.h"

namespace nwf::tools {

/// Where a socket lies and who may connect: libvirt's unix_sock_group, unix_sock_rw_perms and unix_sock_ro_perms.
struct SocketPlace {
  std::string path;
  mode_t mode = 0700;
  std::string group;  ///< empty: the file's group stays as it is
};

/// Makes the socket and listens. One that nobody listens on any more is replaced. Nobody can connect before it has its
/// mode and group. Errors: Refused when somebody listens there, or a file of another kind is there; Invalid for an
/// unknown group or a long path; Denied; Storage.
Result<int> listen_at(const SocketPlace& place);

}  // namespace nwf::tools
