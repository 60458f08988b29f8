// SPDX-License-Identifier: GPL-2.0-or-later
// The command line, understood: which command, on what, printed how.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "tools/nwfctl/commands.h"

namespace nwf::tools {

enum class Color { Auto, Always, Never };

/// What holds for every command.
struct Settings {
  std::string root;
  std::string backend;  ///< to be in force before the command; empty: the one that is
  bool json = false;
  Color color = Color::Auto;
};

struct Invocation {
  Settings settings;
  const Command* command = nullptr;
  Arguments arguments;
};
/// Something to print on standard output, and done.
struct Information {
  std::string text;
};
struct Misuse {
  bool json = false;
  std::string message;  ///< empty: only the help
  std::string remedy;
  std::string help;  ///< shown after the message; may be empty
};

/// `words` are the arguments without the program's name.
std::variant<Invocation, Information, Misuse> parse_arguments(const std::vector<std::string>& words);

}  // namespace nwf::tools
