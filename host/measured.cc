// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/measured.h"

#include <chrono>

namespace nwf::host {

Result<std::uint32_t> Measured::apply(const Changes& changes, std::optional<std::uint32_t> generation) {
  const auto start = std::chrono::steady_clock::now();
  auto applied = backend_->apply(changes, generation);
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  on_transaction_(static_cast<std::uint64_t>(took.count()), applied.has_value());
  return applied;
}

Result<bool> Measured::own() {
  NWF_TRY(owns_, backend_->own());
  return owns_;
}

}  // namespace nwf::host
