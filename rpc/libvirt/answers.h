// SPDX-License-Identifier: GPL-2.0-or-later
// What the answers to all calls have in common.
#pragma once

#include <fmt/format.h>

#include <string_view>

#include "rpc/libvirt/fault.h"
#include "rpc/libvirt/xdr.h"

namespace nwf::rpc::libvirt {

using Answer = tl::expected<XdrWriter, Fault>;

inline tl::unexpected<Fault> refused(Code code, std::string detail, Domain domain = Domain::NwFilter) {
  return tl::unexpected<Fault>(Fault{code, domain, std::move(detail)});
}

inline tl::unexpected<Fault> refused(const Error& error, Subject subject) {
  return tl::unexpected<Fault>(fault_of(error, subject));
}

/// The arguments were not what the call takes.
inline tl::unexpected<Fault> not_understood() {
  return refused(Code::Rpc, "Unable to decode message payload", Domain::Rpc);
}

/// Flags beyond the known ones, in libvirt's words.
inline tl::unexpected<Fault> unknown_flags(std::uint32_t flags, std::uint32_t known, std::string_view function) {
  return refused(Code::InvalidArgument,
                 fmt::format("unsupported flags ({:#x}) in function {}", flags & ~known, function));
}

}  // namespace nwf::rpc::libvirt
