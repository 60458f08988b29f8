// SPDX-License-Identifier: GPL-2.0-or-later
#include "legacy/lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

namespace nwf::legacy {

Result<TablesLock> TablesLock::take(const std::string& path, int milliseconds) {
  constexpr mode_t kOwnerOnly = 0600;
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOwnerOnly);
  if (file < 0)
    return fail(errno == EACCES || errno == EPERM || errno == EROFS ? ErrorKind::Denied : ErrorKind::Storage,
                fmt::format("cannot open the lock of the iptables tables, {}: {}", path, std::strerror(errno)),
                "run as root");
  TablesLock lock(file);
  NWF_CHECK(lock.wait(path, milliseconds));
  return lock;
}

Result<TablesLock> TablesLock::take_if_used(const std::string& path, int milliseconds) {
  constexpr mode_t kOwnerOnly = 0600;
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) file = open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, kOwnerOnly);
  TablesLock lock(file);
  if (file >= 0) NWF_CHECK(lock.wait(path, milliseconds));
  return lock;
}

Result<void> TablesLock::wait(const std::string& path, int milliseconds) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  constexpr std::chrono::milliseconds kPause{20};
  while (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return fail(ErrorKind::Storage, fmt::format("cannot lock {}: {}", path, std::strerror(errno)));
    if (std::chrono::steady_clock::now() >= end)
      return fail(ErrorKind::Refused, fmt::format("another program has held the lock {} for {} ms", path, milliseconds),
                  fmt::format("see which with `fuser {}`, and try again", path));
    std::this_thread::sleep_for(kPause);
  }
  return {};
}

TablesLock::TablesLock(TablesLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

TablesLock& TablesLock::operator=(TablesLock&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

TablesLock::~TablesLock() {
  if (file_ >= 0) close(file_);
}

}  // namespace nwf::legacy
