// SPDX-License-Identifier: GPL-2.0-or-later
// A network's bridge in the kernel: made, brought to what it should be, or taken away.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/model/network.h"
#include "engine/network/links.h"
#include "netlink/route_socket.h"

namespace nwf::host {

class NetworkLinks {
 public:
  static Result<NetworkLinks> open();

  /// Errors: Refused when the network's addresses are on the host's other side already, with the owner named, or when
  /// forwarding IPv6 would make the host forget routes it learned.
  Result<void> check_room(const Network& network);
  /// The bridge with its timers and the switches of its IPv6, down and without an address unless it was there already.
  Result<void> make_bridge(const LinkPlan& plan);
  /// Addresses, link up, routes, forwarding. What is there already stays as it is.
  Result<void> bring_up(const LinkPlan& plan);
  /// Makes these ports of the bridge again, as far as they are still there and in no other bridge.
  Result<void> take_ports(const LinkPlan& plan, const std::vector<std::string>& ports);
  Result<std::vector<std::string>> ports(const std::string& bridge);
  Result<void> bring_down(const std::string& bridge);
  /// Takes the bridge away when it is this network's. One that is not there is fine.
  Result<void> remove_bridge(const BridgePlan& plan);
  /// There is an interface of this name.
  Result<bool> exists(const std::string& name);
  /// The bridge is there and this network's.
  Result<bool> has_bridge(const BridgePlan& plan);
  /// The first name of the pattern that neither an interface nor anybody of `taken` has.
  Result<std::string> free_name(const std::string& pattern, const std::vector<std::string>& taken);

 private:
  explicit NetworkLinks(netlink::RouteSocket socket) : socket_(std::move(socket)) {}
  Result<void> forward(const std::string& sysctl);

  netlink::RouteSocket socket_;
};

/// Switches that a start turned, to be turned back when it fails.
class ForwardingBefore {
 public:
  /// Looks at them.
  static Result<ForwardingBefore> read();
  void restore() const;

 private:
  std::vector<Sysctl> values_;
};

}  // namespace nwf::host
