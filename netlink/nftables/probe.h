// SPDX-License-Identifier: GPL-2.0-or-later
// What this kernel can do, asked by trying.
#pragma once

#include "engine/backend.h"
#include "netlink/channel.h"

namespace nwf::netlink {

/// Sends one batch with a question in each message and without an end: the kernel checks every message, answers
/// each, and applies none. Errors: Denied, Unsupported (no nf_tables at all).
Result<Capabilities> probe(Channel& channel, std::uint32_t& sequence);

}  // namespace nwf::netlink
