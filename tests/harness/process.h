// SPDX-License-Identifier: GPL-2.0-or-later
// A program run to its end, as an administrator would, and what it said.
#pragma once

#include <string>
#include <vector>

#include "engine/error.h"

namespace nwf::test {

struct Ran {
  int code = -1;    ///< exit code; 128 + the signal when a signal ended it
  std::string out;  ///< standard output
  std::string err;  ///< standard error
};

/// argv[0] is the program's path, or a name to look for in PATH. Standard input is empty. It runs in the namespaces of
/// the calling thread.
Result<Ran> run_program(const std::vector<std::string>& argv);

}  // namespace nwf::test
