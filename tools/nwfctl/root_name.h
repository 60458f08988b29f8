// SPDX-License-Identifier: GPL-2.0-or-later
// The name that a filter's XML gives its filter, found without reading the XML whole.
//
// Only `edit` needs it, to refuse a renaming before anything is defined. It judges nothing: a text it cannot
// follow has no name here and gets its errors from the service.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nwf::tools {

std::optional<std::string> root_name(std::string_view xml);

}  // namespace nwf::tools
