// SPDX-License-Identifier: GPL-2.0-or-later
// A guest that never stops forging: frames with somebody else's address, sent all the time from one port, and looked
// for behind another.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "tests/harness/network.h"
#include "tests/harness/packet.h"

namespace nwf::test {

class ForgedStream {
 public:
  using Clock = std::chrono::steady_clock;

  /// `frame` holds `tag`. Both TAPs outlive the stream and are its alone as long as it runs.
  ForgedStream(Tap& from, Tap& to, Bytes frame, Bytes tag)
      : from_(from), to_(to), frame_(std::move(frame)), tag_(std::move(tag)), thread_([this] { run(); }) {}
  ForgedStream(const ForgedStream&) = delete;
  ForgedStream& operator=(const ForgedStream&) = delete;
  ~ForgedStream() { stop(); }

  void stop() {
    going_ = false;
    if (thread_.joinable()) thread_.join();
  }
  std::uint64_t sent() const { return sent_; }
  /// Frames that came through.
  std::uint64_t leaked() const { return leaked_; }
  /// When the last of them did; the epoch when none did.
  Clock::time_point last_leak() {
    const std::lock_guard lock(mutex_);
    return last_leak_;
  }

 private:
  void run() {
    while (going_) {
      if (from_.send(frame_)) ++sent_;
      while (const auto frame = to_.receive(std::chrono::milliseconds(0))) {
        if (std::search(frame->begin(), frame->end(), tag_.begin(), tag_.end()) == frame->end()) continue;
        ++leaked_;
        const std::lock_guard lock(mutex_);
        last_leak_ = Clock::now();
      }
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  Tap& from_;
  Tap& to_;
  Bytes frame_, tag_;
  std::atomic<bool> going_{true};
  std::atomic<std::uint64_t> sent_{0}, leaked_{0};
  std::mutex mutex_;
  Clock::time_point last_leak_{};
  std::thread thread_;
};

}  // namespace nwf::test
