// SPDX-License-Identifier: GPL-2.0-or-later
// One netlink socket: bytes out, replies in. The one seam between nwf and the kernel, so that a test can record
// what goes over it or fail a message.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "engine/error.h"

namespace nwf::netlink {

class Channel {
 public:
  virtual ~Channel() = default;
  /// Sends all bytes as one datagram; the socket's buffer grows as far as needed.
  virtual Result<void> send(std::span<const std::uint8_t> bytes) = 0;
  /// The next datagram. The bytes stay valid until the next call. Errors: Kernel when nothing comes for some
  /// seconds; Outdated when the kernel had to drop replies (ENOBUFS).
  virtual Result<std::span<const std::uint8_t>> receive() = 0;
  /// The socket's own port id, in every reply meant for it.
  virtual std::uint32_t port_id() const = 0;
};

/// A socket to nfnetlink. Errors: Unsupported when this kernel has no netfilter, Denied.
Result<std::unique_ptr<Channel>> open_netfilter();

}  // namespace nwf::netlink
