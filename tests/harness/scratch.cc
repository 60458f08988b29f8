// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/harness/scratch.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace nwf::test {

Result<std::string> make_scratch_directory() {
  const auto failed = [](const char* what) {
    return fail(errno == EPERM ? ErrorKind::Denied : ErrorKind::Kernel,
                fmt::format("{}: {}", what, std::strerror(errno)));
  };
  if (unshare(CLONE_NEWNS) != 0) return failed("cannot make a mount namespace");
  if (mount("none", "/", "", MS_REC | MS_PRIVATE, "") != 0) return failed("cannot make mounts private");
  if (mount("tmpfs", "/mnt", "tmpfs", 0, "mode=0755") != 0) return failed("cannot mount a tmpfs");
  if (mkdir("/mnt/nwf", 0755) != 0) return failed("cannot make a directory");
  return std::string("/mnt/nwf");
}

}  // namespace nwf::test
