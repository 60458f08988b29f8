// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/leases.h"

#include "host/lease_file.h"

namespace nwf::host {

using store::Shelf;

Result<learn::Beliefs> Leases::read(const PortName& port, const Mac& mac) {
  NWF_TRY(const auto text, store_.get(Shelf::Leases, port.text()));
  if (!text) return learn::Beliefs{};
  auto leases = leases_from_text(*text, now());
  // A file that cannot be read is as good as none: the port waits, and learns again.
  if (!leases || leases->mac != mac) return learn::Beliefs{};
  return std::move(leases->beliefs);
}

Result<void> Leases::fill(Binding& binding) {
  NWF_TRY(const auto beliefs, read(binding.port, binding.mac));
  binding.learned = learn::values_of(beliefs);
  return {};
}

Result<std::set<std::string>> Leases::ports() {
  NWF_TRY(const auto names, store_.list(Shelf::Leases));
  return std::set<std::string>(names.begin(), names.end());
}

Result<std::unique_ptr<store::Prepared>> Leases::prepare(const Binding& binding, const learn::Beliefs& beliefs) {
  return store_.prepare(Shelf::Leases, binding.port.text(), to_text(LeaseFile{binding.mac, beliefs}, now()));
}

Result<void> Leases::remove(const PortName& port) { return store_.remove(Shelf::Leases, port.text()); }

}  // namespace nwf::host
