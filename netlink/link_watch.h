// SPDX-License-Identifier: GPL-2.0-or-later
// Interfaces as they come, go, get another name or another bridge: rtnetlink's RTNLGRP_LINK.
#pragma once

#include <memory>
#include <vector>

#include "engine/error.h"
#include "netlink/link_table.h"

namespace nwf::netlink {

/// What an interface has counted since it was made: IFLA_STATS64.
struct LinkStatistics {
  Link link;
  std::uint64_t received_frames = 0, received_bytes = 0;
  std::uint64_t sent_frames = 0, sent_bytes = 0;
};

class LinkWatch {
 public:
  /// Of this thread's network namespace.
  static Result<std::unique_ptr<LinkWatch>> open();
  virtual ~LinkWatch() = default;

  /// Readable when something may have happened.
  virtual int descriptor() const = 0;
  /// What happened since the last call, in order, without waiting. When the kernel had to drop messages, all
  /// interfaces are asked for: the difference is told then, not every step to it.
  virtual Result<std::vector<LinkEvent>> drain() = 0;
  /// As last told.
  virtual const LinkTable& table() const = 0;
};

/// All interfaces at one moment.
Result<std::vector<Link>> read_links();
/// All interfaces with what they counted.
Result<std::vector<LinkStatistics>> read_link_statistics();

}  // namespace nwf::netlink
