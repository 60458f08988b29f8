// SPDX-License-Identifier: GPL-2.0-or-later
// Two clocks at one moment. Ends of leases are kept by both: within one boot by the clock that nobody sets, after
// another boot by the calendar.
#pragma once

#include <cstdint>
#include <string>

#include "learn/belief.h"

namespace nwf::host {

struct Clocks {
  learn::Instant boot = 0;    ///< CLOCK_BOOTTIME, milliseconds
  std::int64_t calendar = 0;  ///< CLOCK_REALTIME, milliseconds since 1970
  std::string boot_id;        ///< which boot `boot` is about
};

/// This machine's, now.
Clocks read_clocks();

}  // namespace nwf::host
