// SPDX-License-Identifier: GPL-2.0-or-later
// What is believed of the addresses of each port, kept in the store.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "engine/model/binding.h"
#include "host/clocks.h"
#include "learn/belief.h"
#include "store/store.h"

namespace nwf::host {

class Leases {
 public:
  /// `store` outlives it.
  Leases(store::Store& store, std::function<Clocks()> clock) : store_(store), clock_(std::move(clock)) {}

  /// The beliefs about the guest with this MAC address on this port; none when there are none, or the file is spoilt.
  Result<learn::Beliefs> read(const PortName& port, const Mac& mac);
  /// Puts what is believed into `binding.learned`.
  Result<void> fill(Binding& binding);
  /// Ports of which something is believed.
  Result<std::set<std::string>> ports();
  /// The file, written aside.
  Result<std::unique_ptr<store::Prepared>> prepare(const Binding& binding, const learn::Beliefs& beliefs);
  Result<void> remove(const PortName& port);
  Clocks now() const { return clock_(); }

 private:
  store::Store& store_;
  std::function<Clocks()> clock_;
};

}  // namespace nwf::host
