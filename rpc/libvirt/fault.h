// SPDX-License-Identifier: GPL-2.0-or-later
// A failure as libvirt's clients know it: virError, include/libvirt/virterror.h.
#pragma once

#include <string>

#include "engine/error.h"
#include "rpc/libvirt/xdr.h"

namespace nwf::rpc::libvirt {

/// virErrorNumber
enum class Code : std::int32_t {
  InternalError = 1,
  NoSupport = 3,
  NoConnect = 5,
  InvalidConnection = 6,
  InvalidArgument = 8,
  OperationFailed = 9,
  XmlError = 27,
  OperationDenied = 29,
  SystemError = 38,
  Rpc = 39,
  OperationInvalid = 55,
  NoFilter = 62,
  BuildFirewall = 63,
  ConfigUnsupported = 67,
  AccessDenied = 88,
  NoBinding = 101,
};

/// virErrorDomain
enum class Domain : std::int32_t { Rpc = 7, NwFilter = 33 };

struct Fault {
  Code code;
  Domain domain = Domain::NwFilter;
  std::string detail;  ///< the message after libvirt's own words for the code; may be empty
};

/// What the calls are about, where that decides the code.
enum class Subject { Filter, Binding };

/// A failure of the service as the client should know it.
Fault fault_of(const Error& error, Subject subject);

/// libvirt's words for the code with the detail: what virErrorMsg() makes.
std::string message_of(const Fault& fault);

/// virNetMessageError
void write_fault(const Fault& fault, XdrWriter& out);

}  // namespace nwf::rpc::libvirt
