// SPDX-License-Identifier: GPL-2.0-or-later
// Rules of iptables and ip6tables as the kernel's structs: linux/netfilter_ipv4/ip_tables.h struct ipt_entry,
// linux/netfilter_ipv6/ip6_tables.h struct ip6t_entry, and behind them one xt_entry_match for each match.
#pragma once

#include "legacy/edit.h"

namespace nwf::legacy {

/// Errors: Invalid for a name that the kernel has no room for; those of ipset_index().
Result<EncodedRule> encode(const IpRule& rule, bool ipv6);

/// What two rules are compared by: an entry, whose matches end at `target_offset`, and where it leads. `target` is
/// empty for verdicts and chains, else the target's bytes.
Bytes image_of(const Bytes& entry, bool ipv6, const std::string& name, const Bytes& target);

}  // namespace nwf::legacy
