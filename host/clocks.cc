// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/clocks.h"

#include <ctime>
#include <fstream>

namespace nwf::host {
namespace {

std::int64_t milliseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

Clocks read_clocks() {
  static const std::string boot_id = [] {
    std::string id;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
    return id;
  }();
  return {milliseconds(CLOCK_BOOTTIME), milliseconds(CLOCK_REALTIME), boot_id};
}

}  // namespace nwf::host
