// SPDX-License-Identifier: GPL-2.0-or-later
// Waiting for packets that are in the kernel's hooks now.
#pragma once

namespace nwf::netlink {

/// Returns when no packet is in a bridge hook any more that was in one at the call. A packet goes through hooks under
/// rcu_read_lock (linux/netfilter.h: nf_hook), so this is a grace period of RCU: 10 to 30 ms as a rule, some
/// microseconds where /sys/kernel/rcu_expedited is 1. Needs no privilege, or CAP_NET_RAW where some processors run
/// without a tick; where nothing can be had, a tenth of a second is waited instead.
void wait_for_grace_period();

}  // namespace nwf::netlink
