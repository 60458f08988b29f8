// SPDX-License-Identifier: GPL-2.0-or-later
// `filter edit`: the filter's XML in the user's editor, defined when it comes back changed.
#pragma once

#include <string>

#include "engine/error.h"
#include "host/service.h"
#include "tools/nwfctl/terminal.h"
#include "tools/nwfctl/value.h"

namespace nwf::tools {

/// Asks on the terminal what to do when the text cannot be defined. Without a terminal (or at its end) the
/// error is returned and its remedy names the file that keeps the edited text.
Result<FilterEdited> edit_filter(host::Service& service, const std::string& name, Terminal& terminal);

/// The same for a network's definition.
Result<NetworkEdited> edit_network(host::Service& service, const std::string& name, Terminal& terminal);

}  // namespace nwf::tools
