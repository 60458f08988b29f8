// SPDX-License-Identifier: GPL-2.0-or-later
// What other firewalls on this host are told of a network, and that they are told to forget it: accepts in the chains
// of Docker and ufw for one with <nwf:cooperate>, and a zone of firewalld for one that names it or cooperates.
//
// What was told is remembered before it is told, so that it can be taken back whatever happens in between.
#pragma once

#include <string>
#include <vector>

#include "engine/model/network.h"
#include "host/zones.h"
#include "store/store.h"

namespace nwf::host {

class OtherFirewalls {
 public:
  OtherFirewalls(store::Store& store, FindZones find) : store_(store), find_(std::move(find)) {}

  /// Errors: Refused when this network asks for what firewalld has not.
  Result<void> check(const Network& network);
  /// `up` are all networks that are up. How many changes of others' rules it took.
  Result<std::size_t> tell(const std::vector<Network>& up);
  /// There are rules of ours in others' chains, or may be.
  Result<bool> has_told();
  /// Brings this network's bridge into its zone, or out of the one that it does not ask for any more.
  Result<void> enter_zone(const Network& network);
  Result<void> leave_zone(const Network& network);
  /// What is not as it should be, in words.
  Result<std::vector<std::string>> differences(const std::vector<Network>& up);

 private:
  Result<std::unique_ptr<Zones>> zones() const;
  store::Store& store_;
  FindZones find_;
};

/// True when other firewalls are told of it.
bool tells_others(const Network& network);

}  // namespace nwf::host
