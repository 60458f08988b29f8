// SPDX-License-Identifier: GPL-2.0-or-later
// A service that tells what is done with it.
#pragma once

#include <functional>
#include <memory>

#include "host/events.h"
#include "host/service.h"

namespace nwf::host {

/// What the one who observes brings.
struct Observer {
  OnEvent on_event;                          ///< told each change that was made or refused
  std::function<std::uint64_t()> clock;      ///< microseconds since 1970; an argument, so that a test knows the time
  std::function<Result<Figures>()> figures;  ///< what it has counted
};

/// Passes every call on to `inner`, which outlives it, and answers figures() from the observer.
std::unique_ptr<Service> observe(Service& inner, Observer observer);

}  // namespace nwf::host
