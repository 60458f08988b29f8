// SPDX-License-Identifier: GPL-2.0-or-later
// One D-Bus call to nwfd's own socket, without a D-Bus library: loading libsystemd and what it needs takes longer than
// the call, and libvirt waits for a hook. The call, and what it answers, is docs/dbus.md's `Hook`.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nwf::hook {

struct Answer {
  bool refused = false;            ///< the one line below says why
  std::vector<std::string> lines;  ///< warnings, or the reason
};

/// Asks the nwfd that listens at `socket`. Nothing when none listens, or when it does not know the call because it is
/// of an earlier release. What goes wrong once it has been asked is an answer that refuses.
std::optional<Answer> ask_nwfd(const std::string& socket, const std::string& program,
                               const std::vector<std::string>& words, const std::string& document);

}  // namespace nwf::hook
