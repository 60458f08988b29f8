// SPDX-License-Identifier: GPL-2.0-or-later
// A verb's value for programs: one JSON value. The keys are documented in docs/json.md and never renamed.
#pragma once

#include <string>

#include "tools/nwfctl/value.h"

namespace nwf::tools {

std::string to_json(const Value& value);
/// {"error": …}
std::string to_json(const Error& error);
/// The same for a mistake in the command line, kind "usage".
std::string usage_to_json(const std::string& message, const std::string& remedy);

}  // namespace nwf::tools
