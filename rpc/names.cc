// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/names.h"

namespace nwf::rpc {

std::string socket_path(const std::string& root) {
  std::string path = root;
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path + "/run/nwf/nwfd.socket";
}

}  // namespace nwf::rpc
