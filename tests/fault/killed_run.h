// SPDX-License-Identifier: GPL-2.0-or-later
// A program that is killed on its way: at the n-th of its calls that change something, or after some time.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"

namespace nwf::test {

/// The n-th system call, from 0, that writes, sends, makes, renames, removes or syncs something.
struct KillPoint {
  std::size_t call = 0;
  bool done = false;  ///< kill when the call has been made; else just before, so that it never is
};

struct KilledRun {
  bool killed = false;    ///< false when it came to its end first
  std::string at;         ///< the name of the call it was killed at
  std::size_t calls = 0;  ///< such calls that were begun
  int code = -1;          ///< exit code when not killed; 128 + the signal when a signal of others ended it
  std::string out;
  std::string err;
};

struct RunAs {
  std::vector<std::string> argv;         ///< argv[0] is the program's path
  std::vector<std::string> environment;  ///< NAME=VALUE, added to ours
  std::optional<unsigned> user;          ///< with this user's and group's number, and no privilege
};

Result<KilledRun> run_and_kill_at(const RunAs& run, const KillPoint& point);
Result<KilledRun> run_and_kill_after(const RunAs& run, std::chrono::microseconds time);
Result<KilledRun> run_to_the_end(const RunAs& run);

}  // namespace nwf::test
