// SPDX-License-Identifier: GPL-2.0-or-later
// A table of ebtables, by its own socket options: linux/netfilter_bridge/ebtables.h, EBT_SO_GET_INFO and following.
//
// The kernel gives a table as one piece of memory: heads of chains, each with its rules behind it, where a rule that
// jumps says at which byte the other chain's head lies. Here it is chains by name, rules of others byte by byte as they
// were, and jumps by name; what is handed back is laid out anew.
#pragma once

#include <memory>

#include "legacy/edit.h"

namespace nwf::legacy {

class EthernetTableEditor : public Editor {
 public:
  /// Hands the table back to the kernel; rules that stay keep their counters. Errors: Outdated when somebody else
  /// changed it since it was read.
  virtual Result<void> commit() = 0;
};

/// Errors: Unsupported when the kernel has no such table; Denied.
Result<std::unique_ptr<EthernetTableEditor>> read_ethernet_table(const std::string& name);

}  // namespace nwf::legacy
