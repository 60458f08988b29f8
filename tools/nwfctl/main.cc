// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "rpc/client.h"
#include "tools/nwfctl/run.h"

int main(int argc, char** argv) {
  // Whoever stops reading our output ends us without a word, even below a parent that ignores the signal.
  ::signal(SIGPIPE, SIG_DFL);
  std::ios::sync_with_stdio(false);
  nwf::tools::Terminal terminal{std::cin, std::cout, std::cerr};
  terminal.in_is_terminal = ::isatty(STDIN_FILENO) == 1;
  terminal.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  terminal.err_is_terminal = ::isatty(STDERR_FILENO) == 1;
  terminal.environment = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  const auto open = [](const std::string& root) {
    nwf::host::Options options;
    options.root = root;
    return nwf::rpc::open(options);
  };
  return nwf::tools::run(std::vector<std::string>(argv + 1, argv + argc), terminal, open);
}
