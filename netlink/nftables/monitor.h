// SPDX-License-Identifier: GPL-2.0-or-later
// Who else lays hands on nwf's tables: the kernel's own notifications, NFNLGRP_NFTABLES.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/ruleset/ruleset.h"

namespace nwf::netlink {

/// A transaction of somebody else that touched one of the tables.
struct Foreign {
  std::string program;    ///< its name as the kernel has it, or empty when not known
  std::uint32_t pid = 0;  ///< 0 when not known
};

class Monitor {
 public:
  /// Tells own transactions by the port id of the socket they were sent from (Channel::port_id).
  /// `tables` are the names of the tables that count.
  static Result<std::unique_ptr<Monitor>> open(std::uint32_t own_port,
                                               std::vector<std::string> tables = {std::string(kTableName)});
  virtual ~Monitor() = default;

  /// Readable when something may have happened.
  virtual int descriptor() const = 0;
  /// Reads all that came, without waiting. The last foreign transaction that touched one of the tables, if any. When
  /// the kernel had to drop notifications, one of nobody known: it may have been anything.
  virtual Result<std::optional<Foreign>> drain() = 0;
};

}  // namespace nwf::netlink
