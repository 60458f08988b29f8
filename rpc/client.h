// SPDX-License-Identifier: GPL-2.0-or-later
// The service of an nwfd that runs somewhere else on this machine.
#pragma once

#include <memory>
#include <string>

#include "host/host.h"
#include "host/service.h"

namespace nwf::rpc {

/// The nwfd behind the private socket at `socket` (names.h), or nullptr when none answers there: no socket, nobody
/// listening, or no permission to knock. Errors: Kernel when it answers, but not as an nwfd does.
/// An nwfd that is started anew there is spoken to from then on.
Result<std::unique_ptr<host::Service>> connect(const std::string& socket);
/// The nwfd that works below this root when one answers, else the host in this process: what every tool opens.
Result<std::unique_ptr<host::Service>> open(const host::Options& options);
/// connect() over a connection that is there already: the descriptor is the client's from now on.
Result<std::unique_ptr<host::Service>> converse(int connection);

/// open() for programs that outlive an nwfd: whoever serves now.
class Whoever {
 public:
  static Result<std::unique_ptr<Whoever>> open(const host::Options& options);
  virtual ~Whoever() = default;
  /// The nwfd that listens now, else the host in this process. Good until the next call of now().
  virtual host::Service& now() = 0;
};

}  // namespace nwf::rpc
