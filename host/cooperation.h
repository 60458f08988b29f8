// SPDX-License-Identifier: GPL-2.0-or-later
// Other firewalls told to let pass what the rules of networks with <nwf:cooperate> let pass: in the chains that Docker
// and ufw keep for others' rules, in the tables of iptables-nft.
//
//   ip filter   DOCKER-USER: … · jump NWF-FORWARD        ufw-user-forward: … · jump NWF-FORWARD
//               ufw-user-input: … · jump NWF-INPUT
//   ip6 filter  the same, with ufw6-user-forward and ufw6-user-input
//
// The jump comes after what the administrator has in these chains, so that his rules decide first. Nothing else of
// theirs is touched, no policy and no rule, and where none of these chains is there nothing is made. Chains of theirs
// that come later, or are filled again, get theirs when somebody looks (host/network_keeper.h).
#pragma once

#include <string>
#include <vector>

#include "engine/model/network.h"
#include "netlink/nftables/foreign.h"

namespace nwf::host {

/// What it takes to bring a table of theirs to what these networks want of it; nothing when it is as they want it.
std::vector<netlink::ForeignChange> plan_cooperation(const netlink::ForeignTable& table,
                                                     const std::vector<Network>& networks);

/// Brings their tables to what these networks want, one transaction. How many changes.
Result<std::size_t> cooperate(const std::vector<Network>& networks);
/// What is not as these networks want it, in words.
Result<std::vector<std::string>> cooperation_differences(const std::vector<Network>& networks);

}  // namespace nwf::host
