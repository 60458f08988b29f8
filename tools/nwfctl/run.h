// SPDX-License-Identifier: GPL-2.0-or-later
// nwfctl without its main: words in, one service call, one printer out, an exit code back.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host/service.h"
#include "tools/nwfctl/terminal.h"

namespace nwf::tools {

/// Opens the service that works on the state below a root.
using OpenService = std::function<Result<std::unique_ptr<host::Service>>(const std::string& root)>;

int run(const std::vector<std::string>& words, Terminal& terminal, const OpenService& open);

}  // namespace nwf::tools
