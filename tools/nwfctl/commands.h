// SPDX-License-Identifier: GPL-2.0-or-later
// The table of commands. Parsing, help, completion and the manual's check work from its rows.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "host/service.h"
#include "tools/nwfctl/terminal.h"
#include "tools/nwfctl/value.h"

namespace nwf::tools {

/// What follows a command.
enum class Takes {
  Nothing,
  Pace,
  Files,
  MaybeFiles,
  Directory,
  File,
  Filter,
  Port,
  PortAndValues,
  Network,
  NetworkUpdate,
  MaybePort,
  PortAndAddress,
  PortAndAddresses,
  Import,
  MaybeBackend,
  Export
};

struct Arguments {
  std::string name;  ///< the filter, the port, the network, the one file, or the directory
  std::vector<std::string> files;
  std::vector<std::string> assignments;
  std::vector<std::string> addresses;
  Variables variables;  ///< the assignments, read
  double interval_seconds = 1;
  unsigned times = 0;  ///< how often; 0: without end on a terminal, else once
  std::vector<std::string> flags;
  int parent = -1;                 ///< of net update: which <ip>; -1: not said
  std::string libvirt_root = "/";  ///< of import
  std::string root;                ///< nwf's own, as for every command
  std::string format;              ///< of export

  bool has(std::string_view flag) const;
};

struct Command {
  std::string_view noun;  ///< empty: the verb stands alone
  std::string_view verb;
  std::string_view virsh;  ///< the name virsh has for it, or empty
  Takes takes;
  std::string_view summary;
  Outcome (*run)(host::Service&, const Arguments&, Terminal&);
  std::string_view flag = {};  ///< an option of its own, without a value
  std::string_view flag_meaning = {};
};

std::span<const Command> commands();

/// `NAME=V1,V2` into `variables`; values of a NAME given before are kept and added to.
Result<void> add_assignment(Variables& variables, const std::string& assignment);

}  // namespace nwf::tools
