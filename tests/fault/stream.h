// SPDX-License-Identifier: GPL-2.0-or-later
// A steady stream of numbered frames: some must pass, some must never pass. What becomes of each is counted.
//
// One thread sends a round of all kinds, again and again, and reads after each round. A frame written to a TAP has gone
// through the bridge and into the other TAP's queue, or has been dropped, when write(2) returns; a round is far shorter
// than that queue. So nothing but a rule loses a frame, and no time is waited for a frame that will not come.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/network.h"

namespace nwf::test {

/// What is sent from one TAP to another. `frame` makes it with these bytes in it.
struct FrameKind {
  std::string name;
  std::string from;
  std::string to;
  bool must_pass = false;
  std::function<Bytes(const Bytes& number)> frame;
};

struct StreamCounts {
  std::uint64_t must_pass = 0;   ///< sent of those that must pass
  std::uint64_t must_never = 0;  ///< sent of those that must never pass
  std::uint64_t lost = 0;
  std::uint64_t leaked = 0;
  std::uint64_t doubled = 0;  ///< came more than once
  std::string first_wrong;    ///< the first lost or leaked one, in words
};

class Stream {
 public:
  /// The taps outlive it; while it runs nobody else touches them.
  Stream(std::map<std::string, Tap>& taps, std::vector<FrameKind> kinds);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  void start();
  /// Waits until all kinds have been sent this often more, from a beginning after the call.
  void wait_rounds(std::uint64_t rounds);
  /// Ends it and counts.
  StreamCounts stop();

 private:
  void run();
  void send_round();
  void read_all();
  void note(const std::string& tap, std::span<const std::uint8_t> frame);

  std::map<std::string, Tap>& taps_;
  std::vector<FrameKind> kinds_;
  std::thread thread_;
  std::atomic<bool> ending_{false};
  std::atomic<std::uint64_t> rounds_{0};
  std::vector<std::vector<std::uint8_t>> seen_;  ///< for each kind, how often each number came
  std::uint64_t leaked_ = 0;
  std::string first_wrong_;
};

}  // namespace nwf::test
