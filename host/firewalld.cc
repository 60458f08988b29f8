// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/firewalld.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include <cstdlib>
#include <cstring>

namespace nwf::host {
namespace {

constexpr const char *kName = "org.fedoraproject.FirewallD1", *kPath = "/org/fedoraproject/FirewallD1",
                     *kZone = "org.fedoraproject.FirewallD1.zone";
/// It answers nobody until it has loaded its rules.
constexpr std::uint64_t kPatienceUsec = 10'000'000;

struct FreeMessage {
  void operator()(sd_bus_message* message) const noexcept { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, FreeMessage>;

struct BusError {
  sd_bus_error error = SD_BUS_ERROR_NULL;
  BusError() = default;
  ~BusError() { sd_bus_error_free(&error); }
  BusError(const BusError&) = delete;
  BusError& operator=(const BusError&) = delete;
};

tl::unexpected<Error> refused(const std::string& what, const char* why) {
  return fail(ErrorKind::Kernel, fmt::format("firewalld refused to {}: {}", what, why),
              "see `firewall-cmd --state` and its log");
}

Result<Message> ask(sd_bus* bus, const char* method, const std::vector<std::string>& words) {
  const std::string what = fmt::format("{} {}", method, fmt::join(words, " "));
  sd_bus_message* made = nullptr;
  if (const int error = sd_bus_message_new_method_call(bus, &made, kName, kPath, kZone, method); error < 0)
    return refused(what, std::strerror(-error));
  const Message request(made);
  sd_bus_message_set_auto_start(request.get(), 0);
  for (const std::string& word : words)
    if (const int error = sd_bus_message_append(request.get(), "s", word.c_str()); error < 0)
      return refused(what, std::strerror(-error));
  BusError error;
  sd_bus_message* answer = nullptr;
  if (const int failed = sd_bus_call(bus, request.get(), kPatienceUsec, &error.error, &answer); failed < 0)
    return refused(what, error.error.message != nullptr ? error.error.message : std::strerror(-failed));
  return Message(answer);
}

}  // namespace

Result<std::unique_ptr<Firewalld>> Firewalld::find() {
  sd_bus* bus = nullptr;
  if (sd_bus_open_system(&bus) < 0) return std::unique_ptr<Firewalld>();
  std::unique_ptr<Firewalld> firewalld(new Firewalld(bus));
  BusError error;
  sd_bus_message* answer = nullptr;
  const int failed = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                        "NameHasOwner", &error.error, &answer, "s", kName);
  const Message owner(answer);
  int running = 0;
  if (failed < 0 || sd_bus_message_read(owner.get(), "b", &running) < 0)
    return fail(ErrorKind::Kernel,
                fmt::format("the message bus does not say whether firewalld runs: {}",
                            error.error.message != nullptr ? error.error.message : std::strerror(-failed)));
  if (running == 0) return std::unique_ptr<Firewalld>();
  return firewalld;
}

Firewalld::~Firewalld() { sd_bus_flush_close_unref(bus_); }

Result<std::string> Firewalld::call(const char* method, const std::vector<std::string>& words) {
  NWF_TRY(const Message answer, ask(bus_, method, words));
  const char* text = nullptr;
  if (const int error = sd_bus_message_read(answer.get(), "s", &text); error < 0)
    return refused(method, std::strerror(-error));
  return std::string(text);
}

Result<std::vector<std::string>> Firewalld::zones() {
  NWF_TRY(const Message answer, ask(bus_, "getZones", {}));
  char** list = nullptr;
  if (const int error = sd_bus_message_read_strv(answer.get(), &list); error < 0)
    return refused("list its zones", std::strerror(-error));
  std::vector<std::string> names;
  for (char** name = list; name != nullptr && *name != nullptr; ++name) {
    names.emplace_back(*name);
    std::free(*name);
  }
  std::free(static_cast<void*>(list));
  return names;
}

Result<std::string> Firewalld::zone_of(const std::string& interface) { return call("getZoneOfInterface", {interface}); }

Result<void> Firewalld::add(const std::string& zone, const std::string& interface) {
  NWF_CHECK(call("addInterface", {zone, interface}));
  return {};
}

Result<void> Firewalld::remove(const std::string& zone, const std::string& interface) {
  NWF_CHECK(call("removeInterface", {zone, interface}));
  return {};
}

}  // namespace nwf::host
