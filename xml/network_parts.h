// SPDX-License-Identifier: GPL-2.0-or-later
// The parts of <network>: each reads one element into its place in the model.
#pragma once

#include "engine/model/network.h"
#include "xml/document.h"
#include "xml/mistakes.h"

namespace nwf::xml {

void read_forward(const Element& element, Network& network, Mistakes& mistakes);
void read_forward_interface(const Element& element, Forward& forward, Mistakes& mistakes);
void read_ip(const Element& element, Network& network, Mistakes& mistakes);
void read_dhcp_range(const Element& element, NetworkIp& ip, Mistakes& mistakes);
void read_dhcp_host(const Element& element, bool ipv6, NetworkIp& ip, Mistakes& mistakes);
void read_dns(const Element& element, Network& network, Mistakes& mistakes);
void read_dns_child(const Element& element, Dns& dns, Mistakes& mistakes);
void read_port_group(const Element& element, Network& network, Mistakes& mistakes);
void read_port_forward(const Element& element, Network& network, Mistakes& mistakes);
/// An element of which every attribute and child is kept as it is.
KeptElement keep(const Element& element);

/// What can only be seen of the whole: ranges inside their networks, sections that a mode has no use for.
void check_network(const Network& network, Mistakes& mistakes);

}  // namespace nwf::xml
