// SPDX-License-Identifier: GPL-2.0-or-later
// What is known of each call that is answered: its name in libvirt's C interface, and what it needs.
#pragma once

#include <string_view>

#include "rpc/libvirt/protocol.h"

namespace nwf::rpc::libvirt {

/// Which part of the interface a call belongs to.
enum class Part { Connection, Filter, Binding };

struct ProcedureRow {
  Procedure procedure;
  Part part;
  std::string_view name;  ///< libvirt's C function, as its errors name it
  bool needs_open;        ///< not before virConnectOpen
  bool writes;            ///< not for who may only read
};

/// The row of a call, or nullptr when it is not answered.
const ProcedureRow* find_procedure(std::int32_t number);

}  // namespace nwf::rpc::libvirt
