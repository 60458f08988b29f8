// SPDX-License-Identifier: GPL-2.0-or-later
// Figures as OpenMetrics text, and a socket that hands it out.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "engine/error.h"
#include "host/figures.h"

struct sd_event;
struct sd_event_source;

namespace nwf::tools {

/// https://github.com/prometheus/OpenMetrics, text format 1.0, with its last line.
std::string to_openmetrics(const host::Figures& figures);

/// Answers whoever connects with an HTTP/1.0 response, whatever is asked, and closes. A reader that is slow keeps
/// nobody waiting: what the kernel's buffer does not take is thrown away with the connection.
class MetricsSocket {
 public:
  using Make = std::function<Result<std::string>()>;
  /// The listening descriptor is the object's. `loop` outlives it.
  static Result<std::unique_ptr<MetricsSocket>> open(sd_event* loop, int listening, Make make);
  virtual ~MetricsSocket() = default;
};

}  // namespace nwf::tools
