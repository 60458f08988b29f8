// SPDX-License-Identifier: GPL-2.0-or-later
// What a running daemon has counted: for OpenMetrics and for `nwfctl top`.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/filter.h"

namespace nwf::host {

/// Upper ends of the latency classes, in microseconds; one more class holds all that took longer.
inline constexpr std::array<std::uint64_t, 14> kLatencyClasses{10,   20,   50,    100,   200,   500,    1000,
                                                               2000, 5000, 10000, 20000, 50000, 100000, 1000000};

/// How long things took: how many in each class, and all together.
struct Latency {
  std::vector<std::uint64_t> classes = std::vector<std::uint64_t>(kLatencyClasses.size() + 1, 0);
  std::uint64_t count = 0;
  std::uint64_t sum_us = 0;

  void add(std::uint64_t us);
  /// The upper end of the class within which the given share of all were done: 0 when nothing was counted, nothing when
  /// that class has no end.
  std::optional<std::uint64_t> quantile_us(double share) const;
};

/// A bound port now.
struct PortFigures {
  std::string port;
  std::string filter;
  std::string bridge;                           ///< the bridge it is in, or empty
  bool there = false;                           ///< an interface of this name exists
  std::uint64_t frames_out = 0, bytes_out = 0;  ///< what the guest sent, counted by the interface before any rule
  std::uint64_t frames_in = 0, bytes_in = 0;    ///< what came to the guest
};

/// What one rule dropped of one port's packets, since a day ago at the latest when nothing came to it for that long.
struct PortDrops {
  std::string port;
  std::string filter;  ///< that the port is bound to
  Layer layer = Layer::Ethernet;
  Direction direction = Direction::Out;  ///< Out or In
  std::string rule;                      ///< `FILTER rule N line L`
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;  ///< without Ethernet headers
};

/// What the learner has counted since it began.
struct LearnerFigures {
  std::uint64_t frames = 0;     ///< handed over by the kernel
  std::uint64_t learned = 0;    ///< changes of what is believed
  std::uint64_t ended = 0;      ///< of these, leases that ended
  std::uint64_t untrusted = 0;  ///< servers' and routers' messages from whom nobody trusts
  std::uint64_t limited = 0;    ///< times that an interface sent too much and was not listened to for a while
  std::uint64_t lost = 0;       ///< frames for which the kernel had no room
  std::uint64_t refused = 0;    ///< changes that could not be brought into force
  Latency latency;              ///< from the kernel's time stamp of a frame to what it teaches in force
};

struct Figures {
  std::string version;
  std::string tables;           ///< owned, watched or shared
  std::uint64_t uptime_us = 0;  ///< since the daemon started
  std::uint64_t resident_bytes = 0;
  std::size_t clients = 0;                      ///< connections of the private socket
  std::map<std::string, std::uint64_t> events;  ///< how often each kind of event happened (events.h)
  Latency transactions;                         ///< the kernel's transactions that were applied
  std::uint64_t transactions_refused = 0;       ///< by the kernel, or outdated
  Latency heals;                                ///< from somebody else's change to its undoing
  LearnerFigures learner;
  std::vector<PortFigures> ports;  ///< sorted by name
  std::vector<PortDrops> drops;    ///< sorted by port, layer, direction and rule
};

}  // namespace nwf::host
