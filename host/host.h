// SPDX-License-Identifier: GPL-2.0-or-later
// One machine's firewall in this process: store, reader, engine and kernel put together.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/error.h"
#include "engine/program/optimise/optimisations.h"
#include "engine/ruleset/mark_bits.h"
#include "host/backend_choice.h"
#include "host/clocks.h"
#include "host/service.h"
#include "host/zones.h"

namespace nwf::host {

struct Options {
  std::string root;                    ///< everything lies below it; empty is the host itself
  bool filter_host_traffic = false;    ///< judge by the inet layer's rules what the host sends to guests, too
  MarkBits mark;                       ///< bits of the packet mark that may be used
  Optimisations optimise = {};         ///< passes over programs; all of them mean the same
  bool networks = true;                ///< status() and reconcile() look at virtual networks, too
  bool own_tables = false;             ///< a daemon's: reconcile() makes the kernel's tables this process's own
  Learning learning = Learning::Any;   ///< how ports learn whose binding does not say (CTRL_IP_LEARNING)
  std::function<Clocks()> clock = {};  ///< none: this machine's; another one is for tests
  std::optional<BackendChoice> backend =
      {};                ///< what is in force from the next change on; none: what was chosen before
  FindZones zones = {};  ///< none: firewalld is never asked
};

/// Opens a host. Nothing is read or changed until an operation is asked for.
Result<std::unique_ptr<Service>> open(const Options& options);

}  // namespace nwf::host
