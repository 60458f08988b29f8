// SPDX-License-Identifier: GPL-2.0-or-later
// Who may do what: root and one group may change, others may read when that is wanted.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"

namespace nwf::rpc {

enum class Access { Read, Change };

struct Policy {
  std::optional<gid_t> group;  ///< its members may do what root may
  std::string group_name;      ///< for messages
  bool others_read = false;    ///< everybody else may read
};

/// The other end of a connection, as the kernel (or the message bus) vouches for it.
struct Peer {
  uid_t uid = static_cast<uid_t>(-1);
  std::vector<gid_t> groups;  ///< the primary and all further ones
};

/// Errors: Denied, with who may.
Result<void> allow(const Policy& policy, const Peer& peer, Access access);

/// Who connected a Unix socket: SO_PEERCRED and SO_PEERGROUPS.
Result<Peer> peer_of(int socket);

}  // namespace nwf::rpc
