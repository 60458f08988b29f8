// SPDX-License-Identifier: GPL-2.0-or-later
// libsystemd's handles as types that free themselves.
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <memory>

namespace nwf::rpc {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* handle) const noexcept {
    Free(handle);
  }
};

using Message = std::unique_ptr<sd_bus_message, FreeWith<&sd_bus_message_unref>>;
using Slot = std::unique_ptr<sd_bus_slot, FreeWith<&sd_bus_slot_unref>>;
using Loop = std::unique_ptr<sd_event, FreeWith<&sd_event_unref>>;
using EventSource = std::unique_ptr<sd_event_source, FreeWith<&sd_event_source_disable_unref>>;
/// Closes at once: the other side cannot hold us up.
using PeerBus = std::unique_ptr<sd_bus, FreeWith<&sd_bus_close_unref>>;

}  // namespace nwf::rpc
