// SPDX-License-Identifier: GPL-2.0-or-later
// A guest with a network stack of its own: a namespace without a name, reached through a veth pair whose other end is
// a port of the bridge. What it says is said by real sockets.
#pragma once

#include <functional>
#include <string>

#include "engine/error.h"
#include "engine/model/address.h"

namespace nwf::test {

class GuestNamespace {
 public:
  /// Makes the namespace and the pair: `port` here, `eth0` there with these addresses (a /24), both up.
  static Result<GuestNamespace> make(const std::string& port, const Mac& mac, const Ipv4& address);
  GuestNamespace(GuestNamespace&& other) noexcept;
  GuestNamespace& operator=(GuestNamespace&& other) noexcept;
  ~GuestNamespace();

  /// Runs `work` with this thread in the namespace. A socket made there stays there.
  Result<void> inside(const std::function<Result<void>()>& work) const;

 private:
  explicit GuestNamespace(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace nwf::test
