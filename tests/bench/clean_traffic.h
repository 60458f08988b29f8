// SPDX-License-Identifier: GPL-2.0-or-later
// What is bound in the benchmarks: ports that run the stock filter clean-traffic.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/model/binding.h"
#include "engine/program/flatten.h"

namespace nwf::bench {

/// Port nwf<i> with a MAC and an IPv4 address of its own: 52:54:00:xx:xx:xx and 10.x.x.x, one more than `i`.
Binding clean_traffic_binding(std::size_t i);

/// The stock filters, and one of them in another version.
class StockFilters {
 public:
  StockFilters();
  /// Valid for as long as this object.
  FilterLookup lookup() const;
  /// clean-traffic that drops one more EtherType.
  StockFilters edited() const;

 private:
  std::map<std::string, std::shared_ptr<const Filter>> filters_;
};

}  // namespace nwf::bench
