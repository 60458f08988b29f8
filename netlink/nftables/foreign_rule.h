// SPDX-License-Identifier: GPL-2.0-or-later
// One rule in a table of another program's: as the kernel tells it, or as it is told to the kernel.
#pragma once

#include <libmnl/libmnl.h>

#include "netlink/handles.h"
#include "netlink/nftables/foreign.h"

namespace nwf::netlink {

/// The attributes of an nf_tables message.
Bytes attributes_of(const nlmsghdr* header);
/// `rule` is the message, parsed.
ForeignRule read_foreign_rule(const nlmsghdr* header, nftnl_rule* rule);

}  // namespace nwf::netlink
