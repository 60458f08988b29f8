// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/firewalld.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

#include "rpc/handles.h"

namespace nwf::rpc {
namespace {

constexpr const char *kName = "org.fedoraproject.FirewallD1", *kPath = "/org/fedoraproject/FirewallD1",
                     *kZone = "org.fedoraproject.FirewallD1.zone";
/// It answers nobody until it has loaded its rules.
constexpr std::uint64_t kPatienceUsec = 10'000'000;

struct BusError {
  sd_bus_error error{};
  BusError() = default;
  ~BusError() { sd_bus_error_free(&error); }
  BusError(const BusError&) = delete;
  BusError& operator=(const BusError&) = delete;
  const char* text(int code) const { return error.message != nullptr ? error.message : std::strerror(-code); }
};

tl::unexpected<Error> refused(const std::string& what, const char* why) {
  return fail(ErrorKind::Kernel, fmt::format("firewalld refused {}: {}", what, why),
              "see `firewall-cmd --state` and its log");
}

class Firewalld final : public host::Zones {
 public:
  explicit Firewalld(PeerBus bus) : bus_(std::move(bus)) {}

  Result<std::vector<std::string>> names() override {
    NWF_TRY(const Message answer, ask("getZones", {}));
    char** list = nullptr;
    if (const int code = sd_bus_message_read_strv(answer.get(), &list); code < 0)
      return refused("getZones", std::strerror(-code));
    std::vector<std::string> names;
    for (char** name = list; name != nullptr && *name != nullptr; ++name) {
      names.emplace_back(*name);
      std::free(*name);
    }
    std::free(static_cast<void*>(list));
    return names;
  }
  Result<std::string> of(const std::string& interface) override {
    NWF_TRY(const Message answer, ask("getZoneOfInterface", {interface}));
    const char* zone = nullptr;
    if (const int code = sd_bus_message_read(answer.get(), "s", &zone); code < 0)
      return refused("getZoneOfInterface", std::strerror(-code));
    return std::string(zone);
  }
  Result<void> add(const std::string& zone, const std::string& interface) override {
    NWF_CHECK(ask("addInterface", {zone, interface}));
    return {};
  }
  Result<void> remove(const std::string& zone, const std::string& interface) override {
    NWF_CHECK(ask("removeInterface", {zone, interface}));
    return {};
  }

 private:
  Result<Message> ask(const char* method, const std::vector<std::string>& words) {
    const std::string what = words.empty() ? method : fmt::format("{} {}", method, fmt::join(words, " "));
    sd_bus_message* made = nullptr;
    if (const int code = sd_bus_message_new_method_call(bus_.get(), &made, kName, kPath, kZone, method); code < 0)
      return refused(what, std::strerror(-code));
    const Message request(made);
    sd_bus_message_set_auto_start(request.get(), 0);
    for (const std::string& word : words)
      if (const int code = sd_bus_message_append(request.get(), "s", word.c_str()); code < 0)
        return refused(what, std::strerror(-code));
    BusError error;
    sd_bus_message* answer = nullptr;
    if (const int code = sd_bus_call(bus_.get(), request.get(), kPatienceUsec, &error.error, &answer); code < 0)
      return refused(what, error.text(code));
    return Message(answer);
  }

  PeerBus bus_;
};

}  // namespace

Result<std::unique_ptr<host::Zones>> find_firewalld() {
  sd_bus* opened = nullptr;
  if (sd_bus_open_system(&opened) < 0) return std::unique_ptr<host::Zones>();
  PeerBus bus(opened);
  BusError error;
  sd_bus_message* answer = nullptr;
  const int code = sd_bus_call_method(bus.get(), "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                      "org.freedesktop.DBus", "NameHasOwner", &error.error, &answer, "s", kName);
  const Message owner(answer);
  int running = 0;
  if (code < 0 || sd_bus_message_read(owner.get(), "b", &running) < 0)
    return fail(ErrorKind::Kernel,
                fmt::format("the message bus does not say whether firewalld runs: {}", error.text(code)));
  if (running == 0) return std::unique_ptr<host::Zones>();
  return std::make_unique<Firewalld>(std::move(bus));
}

}  // namespace nwf::rpc
