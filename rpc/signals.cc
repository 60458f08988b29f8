// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/signals.h"

#include <algorithm>
#include <cctype>

#include "rpc/names.h"
#include "rpc/wire.h"

namespace nwf::rpc {
namespace {

using host::Event;
using host::EventKind;

std::string signal_name(std::string_view event) {
  std::string name;
  bool first = true;
  for (const char c : event) {
    if (c != '-') name += first ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    first = c == '-';
  }
  return name;
}

}  // namespace

const std::vector<std::pair<EventKind, std::string>>& signal_names() {
  static const std::vector<std::pair<EventKind, std::string>> all = [] {
    std::vector<std::pair<EventKind, std::string>> names;
    for (const auto& [kind, name] : host::event_names()) names.emplace_back(kind, signal_name(name));
    return names;
  }();
  return all;
}

int emit(sd_bus* bus, const Event& event) {
  const auto& names = signal_names();
  const auto found = std::ranges::find(names, event.kind, &std::pair<EventKind, std::string>::first);
  if (found == names.end()) return -EINVAL;
  sd_bus_message* made = nullptr;
  int r = sd_bus_message_new_signal(bus, &made, kObjectPath, kInterface, found->second.c_str());
  const Message signal(made);
  if (r >= 0) r = Wire<std::uint64_t>::put(signal.get(), event.time_us);
  for (const std::string* text : {&event.port, &event.filter, &event.text})
    if (r >= 0) r = Wire<std::string>::put(signal.get(), *text);
  if (r >= 0) r = Wire<std::map<std::string, std::string>>::put(signal.get(), event.more);
  return r < 0 ? r : sd_bus_send(bus, signal.get(), nullptr);
}

std::optional<Event> read_signal(sd_bus_message* signal) {
  const char* member = sd_bus_message_get_member(signal);
  const char* interface = sd_bus_message_get_interface(signal);
  if (member == nullptr || interface == nullptr || std::string_view(interface) != kInterface) return std::nullopt;
  const auto& names = signal_names();
  const auto found = std::ranges::find(names, member, &std::pair<EventKind, std::string>::second);
  if (found == names.end()) return std::nullopt;
  Event event;
  event.kind = found->first;
  int r = Wire<std::uint64_t>::take(signal, event.time_us);
  for (std::string* text : {&event.port, &event.filter, &event.text})
    if (r >= 0) r = Wire<std::string>::take(signal, *text);
  if (r >= 0) r = Wire<std::map<std::string, std::string>>::take(signal, event.more);
  if (r < 0) return std::nullopt;
  return event;
}

}  // namespace nwf::rpc
