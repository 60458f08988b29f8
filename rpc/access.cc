// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/access.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace nwf::rpc {

Result<void> allow(const Policy& policy, const Peer& peer, Access access) {
  if (peer.uid == 0) return {};
  if (policy.group && std::ranges::find(peer.groups, *policy.group) != peer.groups.end()) return {};
  if (access == Access::Read && policy.others_read) return {};
  return fail(
      ErrorKind::Denied,
      fmt::format("user {} is not permitted to {} nwf's rules", peer.uid, access == Access::Read ? "see" : "change"),
      policy.group ? fmt::format("run as root, or as a member of group {}", policy.group_name) : "run as root");
}

Result<Peer> peer_of(int socket) {
  ucred who{};
  socklen_t size = sizeof who;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
    return fail(ErrorKind::Denied, fmt::format("cannot tell who connected: {}", std::strerror(errno)));
  Peer peer{who.uid, {}};
  peer.groups.resize(32);
  while (true) {
    size = static_cast<socklen_t>(peer.groups.size() * sizeof(gid_t));
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &size) == 0) break;
    if (errno != ERANGE)
      return fail(ErrorKind::Denied, fmt::format("cannot tell the groups of who connected: {}", std::strerror(errno)));
    peer.groups.resize(size / sizeof(gid_t) + 1);  // unix(7): the length needed is given back
  }
  peer.groups.resize(size / sizeof(gid_t));
  peer.groups.push_back(who.gid);
  return peer;
}

}  // namespace nwf::rpc
