// SPDX-License-Identifier: GPL-2.0-or-later
// Networks' rules in the legacy tables, where the legacy backend is in force.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/legacy/kernel.h"
#include "engine/model/network.h"
#include "host/backend_choice.h"
#include "store/store.h"

namespace nwf::host {

class LegacyNetworks {
 public:
  /// `store` outlives it.
  explicit LegacyNetworks(store::Store& store);

  /// The legacy backend is in force for filters, or will be with the first, and so for networks.
  Result<bool> in_force() const;
  /// Exactly the rules of these. How many changes that took. Errors: Unsupported for a network that only nf_tables
  /// does.
  Result<std::size_t> apply(const std::vector<Network>& up);
  Result<std::vector<std::string>> differences(const std::vector<Network>& up);
  /// Takes all of them out, if any were there.
  Result<void> leave();

 private:
  Result<BackendChoice> choice() const;
  Result<legacy::Tables> wanted(const std::vector<Network>& up, bool checksums) const;

  store::Store& store_;
  std::unique_ptr<legacy::Kernel> kernel_;
};

}  // namespace nwf::host
