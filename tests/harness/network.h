// SPDX-License-Identifier: GPL-2.0-or-later
// A throwaway host: a network namespace of its own with a bridge, and TAP devices whose other end is the test.
//
// The namespace has no name: it ends with the process, however that ends.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/model/address.h"
#include "engine/model/value.h"

namespace nwf::test {

/// Puts this process into a new network namespace, lo up, IPv6 noise off. Errors: Denied when not root.
Result<void> enter_new_namespace();

/// Waits until the condition holds, looking again every millisecond. False when it never did.
bool wait_for(const std::function<bool()>& condition, std::chrono::milliseconds patience = std::chrono::seconds(5));

/// A bridge without STP, up.
Result<void> make_bridge(const std::string& name);
/// Makes an interface a port of the bridge, and waits until it forwards.
Result<void> add_port(const std::string& bridge, const std::string& port);
/// A bridge that floods every frame: no address is remembered.
Result<void> forget_addresses(const std::string& bridge);
/// Conntrack of this namespace starts anew.
Result<void> forget_connections();
Result<void> set_up(const std::string& interface);
Result<void> set_mac(const std::string& interface, const Mac& mac);
Result<void> add_ipv4(const std::string& interface, const Ipv4& address, unsigned prefix);
/// Writes a file below /proc/sys. Errors: NotFound when this kernel has no such file.
Result<void> set_sysctl(const std::string& name, const std::string& value);

/// A TAP device with its other end in our hands: what we send, the bridge receives from the port.
class Tap {
 public:
  static Result<Tap> open(const std::string& name);
  Tap(Tap&& other) noexcept;
  Tap& operator=(Tap&& other) noexcept;
  ~Tap();

  const std::string& name() const { return name_; }
  Result<void> send(std::span<const std::uint8_t> frame);
  /// The next frame within the time, if any.
  std::optional<Bytes> receive(std::chrono::milliseconds patience);
  /// Forgets all frames that have come so far.
  void drain();

 private:
  Tap(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  int fd_;
  std::string name_;
};

/// How long a frame may take before it counts as lost: 150 ms, or NWF_PATIENCE_MS of the environment for slow machines.
std::chrono::milliseconds frame_patience();

/// True when a frame that `to` receives within the time holds all of `tag`.
bool arrives(Tap& to, std::span<const std::uint8_t> tag, std::chrono::milliseconds patience = frame_patience());

}  // namespace nwf::test
