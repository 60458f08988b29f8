// SPDX-License-Identifier: GPL-2.0-or-later
// A guest, a bridge and a LAN, each in a network namespace of its own, and frames between them as fast as one sender
// can.
//
// Veth pairs, so that the sender's system call does all the work up to the receiver's stack on its own CPU: the time of
// a packet is the sum of what is done to it, and nothing waits for anything.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "engine/error.h"
#include "engine/model/value.h"

namespace nwf::bench {

enum class Way { GuestToLan, LanToGuest };
inline constexpr std::array kWays = {Way::GuestToLan, Way::LanToGuest};

class Wire {
 public:
  /// The guest behind the bridge's port `port`, the LAN behind its port "lan". The calling thread ends up in the
  /// bridge's namespace, on one CPU. Errors: Denied when not root.
  static Result<Wire> lay(const std::string& port);
  Wire(Wire&& other) noexcept;
  Wire& operator=(Wire&& other) noexcept;
  ~Wire();

  /// Nanoseconds a frame from the one end into the other's stack: `count` frames are sent in bursts, and the median
  /// of the bursts is taken.
  /// Errors: Kernel when not all arrived.
  Result<double> nanoseconds(Way way, std::size_t count);

  static constexpr const char* kGuestMac = "52:54:00:00:00:01";
  static constexpr const char* kGuestIp = "10.0.0.1";
  static constexpr const char* kLanMac = "52:54:00:00:ff:01";
  static constexpr const char* kLanIp = "10.0.255.1";

 private:
  struct State;
  explicit Wire(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace nwf::bench
