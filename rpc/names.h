// SPDX-License-Identifier: GPL-2.0-or-later
// What nwfd is called on D-Bus and where its own socket lies. The number is the interface's version: what is there
// keeps its name and meaning, what comes later is added; a break would be a Firewall2 beside it.
#pragma once

#include <string>

namespace nwf::rpc {

inline constexpr const char* kBusName = "org.nwf.Firewall1";
inline constexpr const char* kObjectPath = "/org/nwf/Firewall1";
inline constexpr const char* kInterface = "org.nwf.Firewall1";
/// Error names are this and the kind: `org.nwf.Error.NotFound`.
inline constexpr const char* kErrorPrefix = "org.nwf.Error.";

/// The private socket of the nwfd that works below `root` ("" or "/": the host itself).
inline std::string socket_path(std::string root) {
  while (!root.empty() && root.back() == '/') root.pop_back();
  return root + "/run/nwf/nwfd.socket";
}

}  // namespace nwf::rpc
