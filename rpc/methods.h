// SPDX-License-Identifier: GPL-2.0-or-later
// The methods of the interface: one row each, from which the server answers and introspection tells. The client
// (client.cc) has the other half of each.
#pragma once

#include <span>
#include <string>

#include "host/service.h"
#include "rpc/access.h"
#include "rpc/handles.h"

namespace nwf::rpc {

struct Method {
  const char* name;
  Access access;
  std::string in;         ///< signature of the arguments
  std::string out;        ///< of the answer; empty when there is none
  std::string arguments;  ///< their names and `result`, each ended by a zero byte: what sd-bus wants for introspection
  /// Reads the arguments, calls the service, answers: a negative errno when the call is malformed.
  int (*call)(host::Service& service, sd_bus_message* message);
};

std::span<const Method> methods();

}  // namespace nwf::rpc
