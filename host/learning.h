// SPDX-License-Identifier: GPL-2.0-or-later
// What whoever watches the ports asks of the host: which ports learn, and what to make of what they were seen to do.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/model/address.h"
#include "engine/model/learning.h"
#include "host/clocks.h"
#include "host/host.h"
#include "host/service.h"
#include "learn/belief.h"

namespace nwf::host {

/// A port that learns.
struct LearningPort {
  std::string port;
  Mac mac;
  Learning learning = Learning::Any;
  std::set<std::string> learns;      ///< the variables: of kLearnedVariables
  std::vector<std::string> servers;  ///< DHCPSERVER: IPv4, IPv6 or MAC addresses; empty trusts any that is no guest
  learn::Beliefs beliefs;
};

/// A port that is bound, learning or not: what comes from there comes from a guest.
struct GuestPort {
  std::string port;
  Mac mac;
  std::optional<LearningPort> learning;
};

struct PortEvent {
  std::string port;
  learn::Event event;
};

/// What became of the events of one port.
struct Believed {
  std::string port;
  bool changed = false;  ///< something else is believed now, and in force
  learn::Beliefs before, after;
  std::optional<Error> error;  ///< it could not be brought into force: what was believed before still is
};

class LearningHost : public Service {
 public:
  virtual Result<std::vector<GuestPort>> guest_ports() = 0;
  /// One of them; nothing when it is not bound.
  virtual Result<std::optional<GuestPort>> guest_port(const std::string& port) = 0;
  /// Takes all the events, in order, as one change: one transaction of set elements, and in the store before it
  /// returns. Events of ports that are not bound are passed over.
  virtual Result<std::vector<Believed>> believe(const std::vector<PortEvent>& events) = 0;
  /// Does what believe() left for when there is time: it helps the next process, and is never needed.
  virtual Result<void> settle() = 0;
};

/// open(), for who also watches its ports (learner.h).
Result<std::unique_ptr<LearningHost>> open_learning(const Options& options);

}  // namespace nwf::host
