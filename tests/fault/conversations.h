// SPDX-License-Identifier: GPL-2.0-or-later
// Established TCP connections between two guests' own stacks, each saying numbers back and forth without a pause.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "store/descriptor.h"
#include "tests/harness/guest_namespace.h"

namespace nwf::test {

struct ConversationCounts {
  std::size_t connections = 0;
  std::uint64_t answers = 0;  ///< numbers that came back right, all together
  std::size_t broken = 0;     ///< connections that ended, stalled, or answered wrongly
  std::uint64_t lost = 0;     ///< segments sent again since the start that the other end had not had: it tells which it
                              ///< had (RFC 2883, D-SACK), but not of the handshake's
  std::string first_wrong;
};

class Conversations {
 public:
  /// `count` connections from `client` to `server`, which listens at this address.
  static Result<std::unique_ptr<Conversations>> open(const GuestNamespace& client, const GuestNamespace& server,
                                                     const std::string& server_address, std::uint16_t port,
                                                     std::size_t count);
  Conversations(const Conversations&) = delete;
  Conversations& operator=(const Conversations&) = delete;
  ~Conversations();

  void start();
  /// Ends the talk, with every connection at the end of a question and its answer, and counts.
  ConversationCounts stop();

 private:
  struct Connection {
    store::Descriptor asks;
    store::Descriptor answers;
    std::uint64_t number = 0;
    std::uint64_t lost_before = 0;  ///< when the talk started
    std::string wrong;              ///< empty while it works
  };
  Conversations() = default;
  void run();
  static std::uint64_t lost(const Connection& connection);
  static void take_turn(Connection& connection, bool of_asker);

  std::vector<Connection> connections_;
  std::thread thread_;
  std::atomic<bool> ending_{false};
};

}  // namespace nwf::test
