// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/events.h"

#include <algorithm>
#include <array>

namespace nwf::host {
namespace {

constexpr std::array<std::pair<EventKind, std::string_view>, 13> kNames{{
    {EventKind::Bound, "bound"},
    {EventKind::Unbound, "unbound"},
    {EventKind::Changed, "changed"},
    {EventKind::Defined, "defined"},
    {EventKind::Undefined, "undefined"},
    {EventKind::Learned, "learned"},
    {EventKind::Expired, "expired"},
    {EventKind::Healed, "healed"},
    {EventKind::Refused, "refused"},
    {EventKind::PortAppeared, "port-appeared"},
    {EventKind::PortGone, "port-gone"},
    {EventKind::PortRenamed, "port-renamed"},
    {EventKind::PortMoved, "port-moved"},
}};

}  // namespace

std::span<const std::pair<EventKind, std::string_view>> event_names() { return kNames; }

std::string_view event_name(EventKind kind) {
  const auto* const found = std::ranges::find(kNames, kind, &std::pair<EventKind, std::string_view>::first);
  return found == kNames.end() ? "unknown" : found->second;
}

}  // namespace nwf::host
