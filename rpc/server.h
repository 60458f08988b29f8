// SPDX-License-Identifier: GPL-2.0-or-later
// A service for others: on a private socket, each connection a D-Bus of two, and on a message bus.
//
// What strangers can make grow is bounded: connections by user, what waits for a reader that does not read.
#pragma once

#include <memory>
#include <string>

#include "host/service.h"
#include "rpc/access.h"

struct sd_event;

namespace nwf::rpc {

class Server {
 public:
  /// Answers from `loop`, on its thread. `loop` and `service` outlive it.
  static std::unique_ptr<Server> open(sd_event* loop, host::Service& service, Policy policy);
  virtual ~Server() = default;

  /// Takes connections from a listening Unix socket. The descriptor is the server's from now on.
  virtual Result<void> listen(int socket) = 0;
  /// Takes one connection that somebody else accepted.
  virtual Result<void> serve(int connection) = 0;
  /// Joins a message bus under the name org.nwf.Firewall1. `address` "" is the system bus. When the bus goes, it is
  /// joined again as soon as it is back.
  virtual Result<void> join(const std::string& address) = 0;
  /// The signal, to all on the bus, and to those on private connections who have asked with Subscribe.
  virtual void tell(const host::Event& event) = 0;
  /// Connections of private sockets.
  virtual std::size_t connections() const = 0;
};

}  // namespace nwf::rpc
