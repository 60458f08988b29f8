// SPDX-License-Identifier: GPL-2.0-or-later
// Which rule decided about a packet, as the kernel itself tells it (nf_tables' trace).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/error.h"

namespace nwf::demo {

/// One end of a packet's way through a base chain of nwf's tables.
struct Decision {
  bool dropped = false;
  std::string chain;
  std::string origin;  ///< the deciding rule's comment, or that none decided
};

class Trace {
 public:
  virtual ~Trace() = default;
  /// Forgets what has come so far.
  virtual void drain() = 0;
  /// Decisions of packets since drain(), in order; waits a moment for late messages.
  virtual std::vector<Decision> decisions() = 0;
};

/// Switches tracing on for everything that enters a bridge of this network namespace, by a table of its own.
Result<std::unique_ptr<Trace>> start_trace();

}  // namespace nwf::demo
