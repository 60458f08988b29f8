// SPDX-License-Identifier: GPL-2.0-or-later
// Virtual networks of this machine: definitions in the store, and what of them is up.
//
// A network that is up has a document on the shelf NetworksUp: that is what should be, and reconcile() brings the
// kernel to it. One that is just coming or going has one on NetworksChanging: found without the other, after a crash,
// what is there of it is taken away.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/model/network.h"
#include "host/dnsmasq.h"
#include "host/legacy_networks.h"
#include "host/network_links.h"
#include "host/network_service.h"
#include "host/network_table.h"
#include "host/other_firewalls.h"
#include "host/proxy_arp.h"
#include "store/store.h"
#include "xml/domain.h"

namespace nwf::host {

class Networks final : public NetworkService {
 public:
  /// `store` outlives it. `root` is where the store lies.
  Networks(store::Store& store, std::string root, FindZones zones)
      : store_(store), root_(std::move(root)), others_(store, std::move(zones)), proxies_(store), legacy_(store) {}

  Result<NetworkDefined> net_define(const std::string& text, const std::string& file) override;
  Result<NetworkSummary> net_undefine(const std::string& name) override;
  Result<NetworkChanged> net_start(const std::string& name) override;
  Result<NetworkSummary> net_stop(const std::string& name) override;
  Result<NetworkChanged> net_restart(const std::string& name) override;
  Result<NetworkChanged> net_update(const std::string& name, const NetworkUpdate& what, const std::string& part,
                                    const std::string& file) override;
  Result<NetworkSummary> net_autostart(const std::string& name, bool on) override;
  Result<std::string> net_dumpxml(const std::string& name, bool defined) override;
  Result<NetworkSummary> net_info(const std::string& name) override;
  Result<std::vector<NetworkSummary>> net_list() override;
  Result<std::vector<Lease>> net_leases(const std::string& name) override;

  Result<std::size_t> net_reconcile() override;
  Result<std::vector<std::string>> net_differences() override;

  /// net_reconcile() for a caller that has the store locked.
  Result<std::size_t> reconcile();

  /// Those that are up. Needs no lock.
  Result<std::vector<Network>> up() { return read_all(store::Shelf::NetworksUp); }

  /// The network of this name, as it is up or else as it is defined, or none; all that are up for an empty name. Needs
  /// no lock.
  Result<std::vector<Network>> named(const std::string& name);

  /// A network, defined or up, that gives one of these filters to ports of its bridge: which filter, and which network.
  /// Needs no lock.
  Result<std::optional<std::pair<std::string, std::string>>> giver_of(const std::set<std::string>& filters);

  struct Server {
    std::string network;
    store::Descriptor process;  ///< readable when it has ended
  };
  struct Serving {
    std::vector<std::string> bridges;  ///< of all networks that are up
    std::vector<Server> servers;       ///< dnsmasq, where it runs
    std::vector<std::string> leases;   ///< files of dnsmasq's that say who is to be answered for
    bool others = false;               ///< other firewalls are told of one of them
  };
  Result<Serving> serving();

 private:
  Result<std::optional<Network>> read(store::Shelf shelf, const std::string& name);
  Result<std::vector<Network>> read_all(store::Shelf shelf);
  /// A definition, or a network that is up: by name or UUID.
  Result<std::string> resolve(const std::string& name_or_uuid);
  Result<Network> require_defined(const std::string& name);
  Result<NetworkSummary> summary(const std::string& name);
  Result<void> complete(Network& network);
  Result<void> check_identity(const Network& network);
  Result<void> check_bridge(const Network& network);

  Result<void> open();
  /// Those that are up, with this one as it is here, or without it; by name.
  Result<std::vector<Network>> up_with(const std::optional<Network>& with, const std::string& without);
  /// Those that shape the table, as far as that is known.
  Result<std::optional<std::vector<Network>>> shaping();
  Result<void> put_shaping(const std::set<std::string>& names);
  /// Rules of these networks, and of no others, in the tables of the backend that is in force, and in no others: how
  /// many changes that took.
  Result<std::size_t> bring_to(const std::vector<Network>& up);
  Result<void> bring_rules(const std::vector<Network>& up);
  /// Rules of one more.
  Result<void> add_rules(const Network& network);
  /// `rules` brings its rules, once the bridge is there.
  Result<void> raise(const Network& network, const std::function<Result<void>()>& rules);
  /// What cooperating networks want of other firewalls, with this network as it is here.
  Result<void> tell_others(const Network& network);
  /// Takes away all there is of it; goes on after a failure and returns the first.
  Result<void> lower(const Network& network);
  Result<void> start(const Network& network);
  /// Guests' addresses for which the host answers on the LAN.
  Result<std::vector<IpAddress>> proxied(const Network& network);
  /// Brings one that is up from what it is to something else, and puts in force what says so; or leaves it as it is.
  Result<void> change(const Network& before, const Network& after, store::Prepared& documents);

  store::Store& store_;
  std::string root_;
  OtherFirewalls others_;
  ProxyArp proxies_;
  std::optional<NetworkTable> table_;
  LegacyNetworks legacy_;
  std::optional<NetworkLinks> links_;
};

/// What these networks give to ports in their bridges that name no filter. They outlive it.
xml::NetworkFilter filters_of(const std::vector<Network>& networks);

/// What of a definition cannot be realised, as an error; what is only kept, as warnings.
Result<std::vector<std::string>> check_realisable(const Network& network);

}  // namespace nwf::host
