// SPDX-License-Identifier: GPL-2.0-or-later
// What goes into chains of other firewalls for networks with <nwf:cooperate>, so that they let pass what the networks'
// own rules have let pass already.
//
// The rules are of expressions that iptables-nft reads, too, and each says in its comment that it is nwf's. Which
// bridge they speak for is what tells them from each other.
#pragma once

#include <string>
#include <vector>

#include "engine/model/network.h"
#include "engine/ruleset/ruleset.h"

namespace nwf {

/// The comment of every rule in others' chains begins with it.
inline constexpr std::string_view kCooperationTag = "nwf";

struct CooperationRules {
  std::vector<Rule> forward;
  std::vector<Rule> input;
};

/// Of one family. `spared` are interfaces that the other firewall guards itself: what goes there or comes from there is
/// left to it.
CooperationRules cooperation_rules(const std::vector<Network>& networks, bool ipv6,
                                   const std::vector<std::string>& spared);

/// `counter jump CHAIN`, with the tag.
Rule cooperation_jump(const std::string& chain);

}  // namespace nwf
