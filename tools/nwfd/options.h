// SPDX-License-Identifier: GPL-2.0-or-later
// nwfd's command line, understood.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/model/learning.h"
#include "host/backend_choice.h"
#include "host/hotplug.h"

namespace nwf::tools {

/// What is done about other programs that write nf_tables.
enum class Guard {
  Owned,    ///< the kernel refuses their changes to nwf's tables; where it cannot, as Watched
  Watched,  ///< their changes are seen and undone at once
  Shared,   ///< nothing: the next change or reconcile finds them
};

struct DaemonOptions {
  std::string root;
  std::string group;  ///< its members may change; empty: root alone
  bool others_read = false;
  std::string bus;  ///< address of a message bus, `system` or `none`
  Guard guard = Guard::Owned;
  std::optional<host::BackendChoice> backend;  ///< none: the one chosen with `nwfctl backend`
  Learning learning = Learning::Any;           ///< of ports whose binding does not say (CTRL_IP_LEARNING)
  bool sandbox = true;
  bool follow_guests = true;  ///< those that libvirt runs
  host::HotplugOptions hotplug;
};

/// The options; or what to print on standard output, and done; or what is wrong with the words.
struct DaemonInformation {
  std::string text;
};
struct DaemonMisuse {
  std::string message;
};
std::variant<DaemonOptions, DaemonInformation, DaemonMisuse> parse_daemon_options(
    const std::vector<std::string>& words);

}  // namespace nwf::tools
