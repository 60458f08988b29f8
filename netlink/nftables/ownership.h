// SPDX-License-Identifier: GPL-2.0-or-later
// Tables that are one process's: linux/net/netfilter/nf_tables_api.c knows a table's owner by the port id of the socket
// that made it or took it over.
//
//   made with owner | persist     others' changes get EPERM, others' flush skips it; when the socket closes it stays
//   then, without an owner        anybody may change it; whoever makes it again with the same flags owns it, as it is
//   made without persist          cannot be taken over: it is deleted and made again in one transaction
#pragma once

#include <cstdint>
#include <vector>

#include "netlink/channel.h"
#include "netlink/nftables/batch.h"

namespace nwf::netlink {

struct TableState {
  Family family;
  std::uint32_t flags = 0;  ///< NFT_TABLE_F_*
  std::uint32_t owner = 0;  ///< the port id of the owner's socket, 0 when there is none
};

/// Whether this kernel knows owned tables that outlive their owner, asked by trying; nothing is changed.
Result<bool> probe_ownership(Channel& channel, std::uint32_t& sequence);

/// nwf's tables that are there.
Result<std::vector<TableState>> read_tables(Channel& channel, std::uint32_t& sequence);

/// Makes those of them that are not this channel's the channel's, all in one transaction, with what is in them. The
/// batch's table flags are kOwnedForGood. Errors: Denied when they are another's.
Result<void> take_tables(Channel& channel, Batch& batch, std::uint32_t& sequence);

}  // namespace nwf::netlink
