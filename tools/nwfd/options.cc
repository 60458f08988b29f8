// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfd/options.h"

#include <CLI/CLI.hpp>
#include <map>

namespace nwf::tools {
namespace {

constexpr const char* kHelp =
    "Usage: nwfd [OPTION…]\n"
    "\n"
    "Keeps nwf's rules in force, follows links, tells what happens, and answers nwfctl.\n"
    "\n"
    "  --root DIR       work on the state below this directory instead of the host's\n"
    "  --group NAME     members of this group may change, as root may\n"
    "  --others-read    everybody may see, not change\n"
    "  --bus BUS        the message bus to be on: system, none, or an address;\n"
    "                   by default system, and none with --root\n"
    "  --tables WHOSE   owned: the kernel refuses others' changes to nwf's tables, or, where\n"
    "                   it cannot, as watched: their changes are undone at once; shared: nothing\n"
    "  --backend NAME   nftables, iptables-legacy or iptables-legacy-classic: which of the\n"
    "                   kernel's firewalls is used; by default the one nwfctl has chosen\n"
    "  --learning HOW   any, dhcp or none: how ports learn addresses whose binding does not say\n"
    "  --hold BRIDGE    hold TAPs in this bridge closed until something explains them\n"
    "  --default BRIDGE=FILTER\n"
    "                   give them this filter instead\n"
    "  --no-guests      do not follow the guests that libvirt runs\n"
    "  --no-sandbox     keep capabilities and system calls, for debuggers\n"
    "  --version        print the version\n"
    "\n"
    "SIGHUP: compare everything with the kernel and mend it. SIGTERM: end; the rules stay.\n";

}  // namespace

std::variant<DaemonOptions, DaemonInformation, DaemonMisuse> parse_daemon_options(
    const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "--help" || word == "-h") return DaemonInformation{kHelp};
    if (word == "--version") return DaemonInformation{"nwfd " NWF_VERSION "\n"};
  }
  DaemonOptions options;
  const std::map<std::string, Guard> guards{
      {"owned", Guard::Owned}, {"watched", Guard::Watched}, {"shared", Guard::Shared}};
  const std::map<std::string, Learning> ways{
      {"any", Learning::Any}, {"dhcp", Learning::Dhcp}, {"none", Learning::None}};
  bool no_sandbox = false, no_guests = false;
  std::vector<std::string> held, defaults;
  std::string backend;
  try {
    CLI::App app;
    app.set_help_flag();
    app.add_option("--root", options.root);
    app.add_option("--group", options.group);
    app.add_flag("--others-read", options.others_read);
    app.add_option("--bus", options.bus);
    app.add_option("--tables", options.guard)->transform(CLI::CheckedTransformer(guards));
    app.add_option("--backend", backend);
    app.add_option("--learning", options.learning)->transform(CLI::CheckedTransformer(ways));
    app.add_option("--hold", held)->allow_extra_args(false);
    app.add_option("--default", defaults)->allow_extra_args(false);
    app.add_flag("--no-guests", no_guests);
    app.add_flag("--no-sandbox", no_sandbox);
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as the parser takes them
    app.parse(std::move(reversed));
  } catch (const CLI::Error& error) {
    return DaemonMisuse{std::string(error.what()) + "; see `nwfd --help`"};
  }
  if (!backend.empty()) {
    auto choice = host::parse_backend(backend);
    if (!choice) return DaemonMisuse{describe(choice.error()) + "; see `nwfd --help`"};
    options.backend = *choice;
  }
  options.sandbox = !no_sandbox;
  options.follow_guests = !no_guests;
  for (const std::string& bridge : held) options.hotplug.bridges[bridge] = host::kHeldFilter;
  for (const std::string& pair : defaults) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == pair.size())
      return DaemonMisuse{"--default: '" + pair + "' is no BRIDGE=FILTER; see `nwfd --help`"};
    options.hotplug.bridges[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  if (no_guests && !options.hotplug.bridges.empty())
    return DaemonMisuse{"--hold and --default need the guests that --no-guests does not follow; see `nwfd --help`"};
  while (options.root.size() > 1 && options.root.back() == '/') options.root.pop_back();
  if (options.root == "/") options.root.clear();
  if (options.bus.empty()) options.bus = options.root.empty() ? "system" : "none";
  return options;
}

}  // namespace nwf::tools
