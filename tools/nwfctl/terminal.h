// SPDX-License-Identifier: GPL-2.0-or-later
// What a verb may read from and talk to, besides the service: the standard streams and the environment.
#pragma once

#include <functional>
#include <istream>
#include <optional>
#include <ostream>
#include <string>

#include "tools/nwfctl/value.h"

namespace nwf::tools {

struct Terminal {
  std::istream& in;
  std::ostream& out;  ///< values
  std::ostream& err;  ///< talk, warnings, errors
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::function<std::optional<std::string>(const char*)> environment = {};
  /// Prints a value at once, for verbs that go on: false when it cannot be written. run() provides it.
  std::function<bool(const Value&)> show = {};
};

}  // namespace nwf::tools
