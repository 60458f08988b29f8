// SPDX-License-Identifier: GPL-2.0-or-later
// The lock that all programs take who change legacy tables: iptables(8), --wait.
#pragma once

#include <memory>
#include <string>

#include "engine/error.h"

namespace nwf::legacy {

inline constexpr const char* kXtablesLock = "/run/xtables.lock";
/// ebtables(8), --concurrent, as libvirt starts it.
inline constexpr const char* kEbtablesLock = "/var/lib/ebtables/lock";

/// Held while it lives.
class TablesLock {
 public:
  /// Waits for others, a few seconds at most. Errors: Denied; Refused when somebody holds it all that time.
  static Result<TablesLock> take(const std::string& path = kXtablesLock, int milliseconds = 5000);
  /// The same; nothing where the file is not and cannot be made: then no program that heeds it is installed.
  static Result<TablesLock> take_if_used(const std::string& path, int milliseconds = 5000);
  TablesLock(TablesLock&& other) noexcept;
  TablesLock& operator=(TablesLock&& other) noexcept;
  ~TablesLock();

 private:
  explicit TablesLock(int file) : file_(file) {}
  Result<void> wait(const std::string& path, int milliseconds) const;
  int file_ = -1;
};

}  // namespace nwf::legacy
