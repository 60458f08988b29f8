// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps networks that are up as they should be: a dnsmasq that ends is started again, a bridge that goes is made again,
// rules that somebody takes away come back, and ports that join a bridge get its flags.
//
// A process of its own runs it (nwf-networkd), not nwfd: it starts a program and turns the host's switches, which nwfd
// may not. Whoever changes networks does so in a process of his own; the store's lock makes them take turns.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "engine/error.h"
#include "host/zones.h"

namespace nwf::host {

class NetworkKeeper {
 public:
  using Clock = std::chrono::steady_clock;

  virtual ~NetworkKeeper() = default;

  /// Readable when something may have happened: then look(). They may be others after look() and mend().
  virtual std::vector<int> descriptors() const = 0;
  /// Takes note of what happened until `now`. Errors: what it watches cannot be watched any more; open another keeper.
  virtual Result<void> look(Clock::time_point now) = 0;
  /// When mend() is due; Clock::time_point::max() when nothing is known to be wrong.
  virtual Clock::time_point due() const = 0;
  /// Brings all networks to what they should be. Returns how many changes of rules it took. After a failure it is due
  /// again a little later.
  virtual Result<std::size_t> mend(Clock::time_point now) = 0;
};

/// Of this thread's network namespace, with the state below `root`. It is due at once. Errors: Denied, Unsupported.
Result<std::unique_ptr<NetworkKeeper>> open_network_keeper(const std::string& root, FindZones zones);

}  // namespace nwf::host
