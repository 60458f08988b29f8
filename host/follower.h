// SPDX-License-Identifier: GPL-2.0-or-later
// Follows the guests that libvirt runs, the ports that come without a hook, and the networks that have filters for
// them, and does what Hotplug says.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "host/guarded.h"
#include "host/hotplug.h"

namespace nwf::host {

class Follower {
 public:
  /// Below `root` lie libvirt's run directory of its QEMU driver, run/libvirt/qemu, and nwf's of its networks; they
  /// need not exist. `service` outlives it.
  static Result<std::unique_ptr<Follower>> open(Service& service, const std::string& root,
                                                const HotplugOptions& options);
  virtual ~Follower() = default;

  /// One is readable when a guest's or a network's file may have changed; then turn().
  virtual std::vector<int> descriptors() const = 0;
  /// At the start: for all ports and all guests there are.
  virtual std::vector<HotplugNote> begin() = 0;
  /// For what happened to interfaces since, and then for the guests' files that changed.
  virtual std::vector<HotplugNote> turn(const std::vector<LinkNews>& links) = 0;
};

}  // namespace nwf::host
