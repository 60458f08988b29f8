// SPDX-License-Identifier: GPL-2.0-or-later
// Ports that no hook tells of: an interface plugged into a running guest, a TAP somebody put into a bridge.
//
// What explains a port is libvirt's file of the guest that has it (running_guests.h): then it is bound as the guest's
// <interface> says. Until something explains it, a port in a *managed* bridge is held, bound to a filter that lets
// nothing pass, or gets the bridge's default filter; from there to its own filter it goes by one transaction.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/running_guests.h"
#include "host/service.h"

namespace nwf::host {

/// The filter of a port that is held; defined when first needed.
inline constexpr const char* kHeldFilter = "nwf-held";

struct HotplugOptions {
  /// Managed bridges, and the filter of a port there that nothing explains; kHeldFilter: it is held.
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
  /// `service` outlives it.
  Hotplug(Service& service, HotplugOptions options) : service_(service), options_(std::move(options)) {}

  bool manages(const std::string& bridge) const { return options_.bridges.contains(bridge); }
  /// A port is in this bridge now, and was not before. `guests` are those that run.
  std::vector<HotplugNote> joined(const std::string& port, const std::string& bridge,
                                  const std::vector<GuestFile>& guests);
  /// An interface is gone, or out of its bridge: what was bound only because nothing explained it goes.
  std::vector<HotplugNote> left(const std::string& port);
  /// A guest's file came, changed or went.
  std::vector<HotplugNote> guest(const GuestFile& file);

 private:
  Result<void> hold(const std::string& port, const std::string& filter);
  Result<void> release(const std::string& port);
  /// Bound by hold(), and by nobody since.
  bool is_provisional(const std::string& port);

  Service& service_;
  HotplugOptions options_;
};

}  // namespace nwf::host
