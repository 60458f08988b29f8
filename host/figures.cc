// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/figures.h"

#include <algorithm>
#include <cmath>

namespace nwf::host {

void Latency::add(std::uint64_t us) {
  const auto* const found = std::ranges::lower_bound(kLatencyClasses, us);
  ++classes[static_cast<std::size_t>(found - kLatencyClasses.begin())];
  ++count;
  sum_us += us;
}

std::optional<std::uint64_t> Latency::quantile_us(double share) const {
  if (count == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count)));
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kLatencyClasses.size() && i < classes.size(); ++i) {
    below += classes[i];
    if (below >= wanted) return kLatencyClasses[i];
  }
  return std::nullopt;
}

}  // namespace nwf::host
