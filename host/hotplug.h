// SPDX-License-Identifier: GPL-2.0-or-later
// Ports that no hook tells of: an interface plugged into a running guest, a TAP somebody put into a bridge.
//
// What explains a port is libvirt's file of the guest that has it (running_guests.h): then it is bound as the guest's
// <interface> says, or as the <filterref> of its network does. Until something explains it, a port in a *managed*
// bridge is held, bound to a filter that lets nothing pass, or gets the bridge's default filter, which may be its
// network's; from there to its own filter it goes by one transaction.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/network.h"
#include "host/running_guests.h"
#include "host/service.h"

namespace nwf::host {

/// The filter of a port that is held; defined when first needed.
inline constexpr const char* kHeldFilter = "nwf-held";

struct HotplugOptions {
  /// Managed bridges, and the filter of a port there that nothing explains, whatever its network says; kHeldFilter: it
  /// is held.
  std::map<std::string, std::string> bridges;
};

/// What was done, or went wrong, for whoever logs.
struct HotplugNote {
  std::string port;
  std::string text;
  bool failed = false;
};

class Hotplug {
 public:
  /// A port of a bridge.
  struct Port {
    std::string name;
    bool is_tap = false;
  };

  /// `service` outlives it.
  Hotplug(Service& service, HotplugOptions options) : service_(service), options_(std::move(options)) {}

  /// True when ports of this bridge are its business. Those of a virtual network's own bridge all are, of others the
  /// TAPs: a bridge's way out is a port, too, and no guest's.
  bool manages(const std::string& bridge, bool is_tap) const;
  /// The networks that are up, now and in place of those told before.
  void networks(std::vector<Network> up) { networks_ = std::move(up); }
  /// A port is in this bridge now, and was not before. `guests` are those that run.
  std::vector<HotplugNote> joined(const std::string& port, const std::string& bridge,
                                  const std::vector<GuestFile>& guests);
  /// An interface is gone, or out of its bridge: what was bound only because nothing explained it goes.
  std::vector<HotplugNote> left(const std::string& port);
  /// A guest's file came, changed or went.
  std::vector<HotplugNote> guest(const GuestFile& file);
  /// The network of this bridge gives other filters than before, some for the first time, or none any more: to the
  /// ports that are in it, and to these guests that run.
  std::vector<HotplugNote> refiltered(const std::string& bridge, const std::vector<Port>& ports,
                                      const std::vector<GuestFile>& guests);

 private:
  std::vector<HotplugNote> bind(const GuestFile& file, GuestState state);
  /// What a port of the bridge gets that nothing explains.
  std::optional<FilterRef> filter_of(const std::string& bridge) const;
  std::vector<HotplugNote> hold(const std::string& port, const std::string& bridge);
  /// As it is there is no binding, or one of its own that becomes this one.
  Result<void> bind_provisionally(const std::string& port, const FilterRef& filter);
  Result<void> release(const std::string& port);
  /// Bound by hold(), and by nobody since.
  bool is_provisional(const std::string& port);

  Service& service_;
  HotplugOptions options_;
  std::vector<Network> networks_;
};

}  // namespace nwf::host
