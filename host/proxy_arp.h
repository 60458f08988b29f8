// SPDX-License-Identifier: GPL-2.0-or-later
// Guests with addresses of the LAN (<nwf:proxy-arp>): on the LAN's interface the host answers ARP and neighbour
// discovery for each of them, and a route of its own leads to each by the bridge. Address by address, so that what no
// guest has stays the LAN's.
//
// What was made on the LAN's interface, which outlives the network, is remembered before it is made.
#pragma once

#include <string>
#include <vector>

#include "engine/model/network.h"
#include "netlink/route_socket.h"
#include "store/store.h"

namespace nwf::host {

class ProxyArp {
 public:
  explicit ProxyArp(store::Store& store) : store_(store) {}

  /// Brings the network to these guests' addresses, of which none are left when it does not want any.
  Result<void> bring(const Network& network, const std::vector<IpAddress>& guests);
  /// Goes on after a failure and returns the first.
  Result<void> take_away(const Network& network);
  /// What is not as it should be, in words.
  Result<std::vector<std::string>> differences(const Network& network, const std::vector<IpAddress>& guests);

 private:
  Result<void> answer_discovery(const std::string& interface);
  /// Unless another network than the one of this document needs it.
  Result<void> answer_discovery_no_more(const std::string& interface, const std::string& document);

  store::Store& store_;
};

}  // namespace nwf::host
