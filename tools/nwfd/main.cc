// SPDX-License-Identifier: GPL-2.0-or-later
#include <iostream>
#include <string>
#include <vector>

#include "tools/nwfctl/exit_code.h"
#include "tools/nwfd/daemon.h"

int main(int argc, char** argv) {
  using namespace nwf::tools;
  const auto parsed = parse_daemon_options(std::vector<std::string>(argv + 1, argv + argc));
  if (const auto* information = std::get_if<DaemonInformation>(&parsed)) {
    std::cout << information->text << std::flush;
    return kExitDone;
  }
  if (const auto* misuse = std::get_if<DaemonMisuse>(&parsed)) {
    std::cerr << "nwfd: " << misuse->message << "\n";
    return kExitUsage;
  }
  const auto ran = run_daemon(std::get<DaemonOptions>(parsed));
  if (ran) return kExitDone;
  std::cerr << "nwfd: " << nwf::describe_all(ran.error()) << "\n";
  return exit_code(ran.error().kind);
}
