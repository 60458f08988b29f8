// SPDX-License-Identifier: GPL-2.0-or-later
// One question to nf_tables, and the messages of its answer.
#pragma once

#include <libmnl/libmnl.h>

#include <array>
#include <cstdint>
#include <functional>
#include <span>

#include "engine/error.h"
#include "netlink/channel.h"

namespace nwf::netlink {

/// The kernel's own word that a dump was cut by a change: ErrorKind::Outdated.
tl::unexpected<Error> changed_meanwhile();

class Request {
 public:
  Request(std::uint16_t type, std::uint8_t family, std::uint16_t flags, std::uint32_t sequence);
  nlmsghdr* header() { return header_; }
  std::span<const std::uint8_t> bytes() const {
    return {reinterpret_cast<const std::uint8_t*>(buffer_.data()), header_->nlmsg_len};
  }

 private:
  alignas(nlmsghdr) std::array<char, 1024> buffer_{};
  nlmsghdr* header_;
};

using OnMessage = std::function<void(const nlmsghdr*)>;

/// Sends a request and hands every message of the answer to `on_message`. Errors: Outdated, Denied, Unsupported,
/// Kernel.
Result<void> ask(Channel& channel, Request& request, const OnMessage& on_message);

}  // namespace nwf::netlink
