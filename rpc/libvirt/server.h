// SPDX-License-Identifier: GPL-2.0-or-later
// A service for libvirt's clients: sockets as those of libvirt's virtnwfilterd, each client a Session.
//
// What strangers can make grow is bounded: clients of each socket, bytes a client keeps here, bytes all of them keep. A
// client that does not read is not read from; it costs what it has sent and no time of the others.
#pragma once

#include <cstddef>
#include <memory>

#include "host/service.h"
#include "rpc/libvirt/session.h"

struct sd_event;

namespace nwf::rpc::libvirt {

struct Limits {
  std::size_t clients = 5000;            ///< of one socket; libvirt's max_clients
  std::size_t clients_of_a_user = 1000;  ///< of one socket; root has no such limit
  std::size_t held_bytes = 256 << 20;    ///< by all clients of all sockets; beyond, whoever sends is let go
};

class Server {
 public:
  /// Answers from `loop`, on its thread. `loop` outlives it.
  static std::unique_ptr<Server> open(sd_event* loop, ServiceNow service, const Limits& limits);
  virtual ~Server() = default;

  /// Takes clients from a listening Unix socket. The descriptor is the server's from now on.
  virtual Result<void> listen(int socket, Access access) = 0;
  virtual std::size_t clients() const = 0;
};

}  // namespace nwf::rpc::libvirt
