// SPDX-License-Identifier: GPL-2.0-or-later
// Events ↔ signals. Each kind of event is a signal of its own (`Bound`, `PortAppeared`, …) with the same arguments:
// time_us t, port s, filter s, text s, more a{ss}.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/events.h"
#include "rpc/handles.h"

namespace nwf::rpc {

inline constexpr const char* kSignalSignature = "tsssa{ss}";
inline constexpr const char kSignalArguments[] = "time_us\0port\0filter\0text\0more\0";

/// `port-appeared` as a signal is `PortAppeared`. All of them, in the order of the enumeration.
const std::vector<std::pair<host::EventKind, std::string>>& signal_names();

int emit(sd_bus* bus, const host::Event& event);
/// Nothing for a signal that is none of ours, or malformed.
std::optional<host::Event> read_signal(sd_bus_message* signal);

}  // namespace nwf::rpc
