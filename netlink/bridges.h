// SPDX-License-Identifier: GPL-2.0-or-later
// Bridges and their ports, through rtnetlink.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/network/links.h"
#include "netlink/route_socket.h"

namespace nwf::netlink {

/// An interface as it is.
struct LinkState {
  int index = 0;
  std::string kind;  ///< "bridge", "tun", ...; empty for hardware
  Mac mac;
  unsigned mtu = 0;
  bool up = false;
  int master = 0;  ///< index of the bridge it is a port of; 0: none
};

/// Nothing when there is no interface of this name.
Result<std::optional<LinkState>> find_link(nl_sock* socket, const std::string& name);
/// Makes the bridge with its address, MTU and timers in one message. Errors: Refused when the name is taken.
Result<void> add_bridge(nl_sock* socket, const BridgePlan& plan);
/// Gives a bridge that is there the plan's MTU, timers and STP.
Result<void> change_bridge(nl_sock* socket, const BridgePlan& plan);
Result<void> set_link_up(nl_sock* socket, const std::string& name, bool up);
/// Removing one that is not there is not an error.
Result<void> remove_link(nl_sock* socket, const std::string& name);
/// Names of the bridge's ports, sorted.
Result<std::vector<std::string>> bridge_ports(nl_sock* socket, const std::string& bridge);
/// All names of interfaces.
Result<std::vector<std::string>> link_names(nl_sock* socket);
Result<void> make_port(nl_sock* socket, const std::string& port, const std::string& bridge);
/// Ports that are isolated exchange nothing with each other. linux/if_link.h: IFLA_BRPORT_ISOLATED
Result<void> isolate_port(nl_sock* socket, const std::string& port, bool isolated);

}  // namespace nwf::netlink
