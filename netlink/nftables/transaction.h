// SPDX-License-Identifier: GPL-2.0-or-later
// One transaction: sent whole, its refusal traced to the change that caused it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "engine/error.h"
#include "engine/ruleset/change.h"
#include "netlink/channel.h"
#include "netlink/nftables/batch.h"

namespace nwf::netlink {

/// Applies all of the changes or none. Errors: Outdated when `generation` is not the kernel's, Denied, Unsupported
/// (no nf_tables, an expression this kernel lacks), Kernel; the message names the object refused and its origin.
Result<void> run_transaction(Channel& channel, Batch& batch, std::uint32_t& sequence, const Changes& changes,
                             std::optional<std::uint32_t> generation);

/// Sends a batch that is already closed and reads its answers: errno by sequence number, 0 for an
/// acknowledgement. Ends with the answer to `last`, or with one to the batch's begin.
Result<std::map<std::uint32_t, int>> exchange(Channel& channel, const Batch& batch);

}  // namespace nwf::netlink
