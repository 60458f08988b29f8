// SPDX-License-Identifier: GPL-2.0-or-later
// The table nwf_networks in the kernel, brought to what networks ask for.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "engine/backend.h"
#include "engine/model/network.h"

namespace nwf::host {

class NetworkTable {
 public:
  explicit NetworkTable(std::unique_ptr<Backend> backend) : backend_(std::move(backend)) {}

  /// The table whole, as read.
  Result<Held> read() { return backend_->read(); }
  /// Rules of these networks, and of no others: how many changes that took.
  Result<std::size_t> bring_to(const std::vector<Network>& up);
  /// The elements of one network more, without a look at those of the others, so that the cost does not grow with them.
  /// `shaping` are those of the networks that are up that shape_of() names (engine/network/shape.h). False, and nothing
  /// changed, when the kernel's chains and sets are not for them, or somebody else changes them: then bring_to().
  Result<bool> add(const Network& network, const std::vector<Network>& shaping);

 private:
  std::unique_ptr<Backend> backend_;
};

}  // namespace nwf::host
