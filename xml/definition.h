// SPDX-License-Identifier: GPL-2.0-or-later
// Any text that defines something, by the document's own word.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "engine/model/binding.h"
#include "engine/model/filter.h"
#include "xml/parsed.h"

namespace nwf::xml {

using Definition = std::variant<Filter, Binding>;

/// Reads a <filter>, a <filterbinding> or a guest's <interface>. All mistakes at once, as read_filter() does.
Result<Parsed<Definition>> read_definition(std::string_view text, const std::string& file);

}  // namespace nwf::xml
