// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's own price: a port's elements in a batch made beforehand, sent and answered, and nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/ruleset/change.h"

namespace nwf::bench {

class Floor {
 public:
  Floor();
  ~Floor();
  /// Sends these changes as one batch. The bytes are made before the clock starts.
  /// Returns microseconds from sending to the acknowledgement; negative when the kernel refused.
  double send(const Changes& changes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nwf::bench
