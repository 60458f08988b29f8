// SPDX-License-Identifier: GPL-2.0-or-later
// A table of iptables or ip6tables, by libiptc: the kernel gives it whole and takes it whole.
#pragma once

#include <memory>

#include "legacy/edit.h"

namespace nwf::legacy {

class IpTableEditor : public Editor {
 public:
  /// Hands the table back to the kernel. Errors: Outdated when somebody else changed it since it was read; Unsupported
  /// when the kernel lacks a match or target that rules use.
  virtual Result<void> commit() = 0;
};

/// Errors: Unsupported when the kernel has no such table; Denied.
Result<std::unique_ptr<IpTableEditor>> read_ip_table(const TableId& id);

}  // namespace nwf::legacy
