// SPDX-License-Identifier: GPL-2.0-or-later
// A backend that tells how long each transaction took, and remembers whether its tables are its own.
#pragma once

#include <functional>
#include <memory>

#include "engine/backend.h"

namespace nwf::host {

/// Told after each transaction: how long the kernel took, and whether it took it.
using OnTransaction = std::function<void(std::uint64_t us, bool applied)>;

class Measured final : public Backend {
 public:
  Measured(std::unique_ptr<Backend> backend, OnTransaction on_transaction)
      : backend_(std::move(backend)), on_transaction_(std::move(on_transaction)) {}

  Result<Capabilities> capabilities() override { return backend_->capabilities(); }
  Result<Held> read() override { return backend_->read(); }
  Result<Held> read(const ChainNames& chains) override { return backend_->read(chains); }
  Result<std::vector<CountedDrops>> drops() override { return backend_->drops(); }
  Result<std::uint32_t> generation() override { return backend_->generation(); }
  Result<std::uint32_t> apply(const Changes& changes, std::optional<std::uint32_t> generation) override;
  void let_packets_leave() override { backend_->let_packets_leave(); }
  Result<bool> own() override;

  bool owns() const { return owns_; }

 private:
  std::unique_ptr<Backend> backend_;
  OnTransaction on_transaction_;
  bool owns_ = false;
};

}  // namespace nwf::host
