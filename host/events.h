// SPDX-License-Identifier: GPL-2.0-or-later
// What happens to a host's firewall, told as it happens: to the journal, to `nwfctl monitor`, over D-Bus.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace nwf::host {

enum class EventKind : std::uint8_t {
  Bound,         ///< a port is guarded by a filter
  Unbound,       ///< a port is not guarded any more
  Changed,       ///< a port's variables have other values
  Defined,       ///< a filter is new, or another than before
  Undefined,     ///< a filter is gone
  Learned,       ///< an address of a port was learned
  Expired,       ///< a learned address is not the port's any more
  Healed,        ///< somebody else changed nwf's tables, and they are as they should be again
  Refused,       ///< a change was asked for and not made
  PortAppeared,  ///< a bound port's interface is there now
  PortGone,      ///< it is not there any more
  PortRenamed,   ///< an interface has got, or lost, the name of a bound port
  PortMoved,     ///< a bound port is in another bridge than before, or in none
};

/// Every kind with its name in JSON, the journal and metrics: `bound`, `port-appeared`, …
std::span<const std::pair<EventKind, std::string_view>> event_names();
std::string_view event_name(EventKind kind);

struct Event {
  EventKind kind = EventKind::Bound;
  std::uint64_t time_us = 0;                ///< microseconds since 1970
  std::string port;                         ///< the port's interface name, or empty
  std::string filter;                       ///< the filter's name, or empty
  std::string text;                         ///< one sentence for people
  std::map<std::string, std::string> more;  ///< what else is known, by name: `address`, `source`, `bridge`, …
};

/// Called as things happen, on the thread that makes them happen.
using OnEvent = std::function<void(const Event&)>;

}  // namespace nwf::host
