// SPDX-License-Identifier: GPL-2.0-or-later
// A program that runs beside the test and ends with it, however the test ends.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/error.h"

namespace nwf::test {

class RunningProgram {
 public:
  /// argv[0] is a path, or a name to look for in PATH. It runs in the namespaces of the calling thread.
  static Result<std::unique_ptr<RunningProgram>> start(const std::vector<std::string>& argv);
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;
  ~RunningProgram();

  /// -1 once it has ended.
  pid_t pid() const { return child_; }
  /// True when it has ended by itself.
  bool has_ended();
  /// Sends the signal and waits for the end. The wait status, or -1 when it had ended before.
  int stop(int signal);

 private:
  explicit RunningProgram(pid_t child) : child_(child) {}
  pid_t child_;
};

}  // namespace nwf::test
