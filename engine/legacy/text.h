// SPDX-License-Identifier: GPL-2.0-or-later
// A rule in the words of iptables-save, ip6tables-save and ebtables-save.
#pragma once

#include <string>

#include "engine/legacy/rule.h"

namespace nwf::legacy {

/// Matches and target, without the chain that the rule stands in: `-s 10.0.0.1/32 -p tcp -m tcp --dport 22 -j DROP`.
std::string text(const IpRule& rule, bool ipv6);
std::string text(const EthernetRule& rule);

}  // namespace nwf::legacy
