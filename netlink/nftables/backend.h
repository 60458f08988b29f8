// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's nf_tables as a Backend.
#pragma once

#include <memory>

#include "engine/backend.h"
#include "netlink/channel.h"

namespace nwf::netlink {

/// The tables of this name in the nf_tables of the network namespace this thread is in now.
Result<std::unique_ptr<Backend>> open_nftables(std::string_view table = kTableName);
/// The same over a channel of the caller's.
std::unique_ptr<Backend> open_nftables(std::unique_ptr<Channel> channel, std::string_view table = kTableName);

}  // namespace nwf::netlink
