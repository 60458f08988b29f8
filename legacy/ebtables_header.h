// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's headers of ebtables as C++ takes them, and what they leave unsaid.
#pragma once

// clang-format off
// The C library's before the kernel's, which then leaves out what both have.
#include <netinet/in.h>
#include <linux/if_ether.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_bridge/ebtables.h>
#include <linux/netfilter_bridge/ebt_arp.h>
#include <linux/netfilter_bridge/ebt_ip.h>
#include <linux/netfilter_bridge/ebt_ip6.h>
#include <linux/netfilter_bridge/ebt_stp.h>
#include <linux/netfilter_bridge/ebt_vlan.h>
// clang-format on

#include <string>

#include "engine/model/value.h"

namespace nwf::legacy {

/// What two rules are compared by: an entry up to its target, without offsets; where it leads, and a target's bytes
/// when that is neither a verdict nor a chain.
Bytes ethernet_image(const Bytes& entry, const std::string& target, const Bytes& module);

}  // namespace nwf::legacy
