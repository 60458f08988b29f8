// SPDX-License-Identifier: GPL-2.0-or-later
// The networks that are up, and which of them come to give other filters to their ports. They are documents below one
// directory, put in place by rename and removed (store/store.h, NetworksUp), watched as guests' files are.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/model/network.h"
#include "host/running_guests.h"

namespace nwf::host {

class RunningNetworks {
 public:
  /// Watches a directory, which need not exist yet. Errors: Kernel, Denied.
  static Result<std::unique_ptr<RunningNetworks>> open(const std::string& directory);

  /// Readable when something may have changed; then changed().
  int descriptor() const { return documents_->descriptor(); }
  /// Bridges whose network gives other filters since the last call, came up with some, or went down with some. At the
  /// first call those of all that are up.
  std::set<std::string> changed();
  /// As of the last changed(). A document that cannot be read is none.
  std::vector<Network> up() const;

 private:
  explicit RunningNetworks(std::unique_ptr<RunningGuests> documents) : documents_(std::move(documents)) {}

  std::unique_ptr<RunningGuests> documents_;
  std::map<std::string, Network> networks_;  ///< by the document's name
};

}  // namespace nwf::host
