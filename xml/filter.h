// SPDX-License-Identifier: GPL-2.0-or-later
// <filter> → model.
#pragma once

#include <string>
#include <string_view>

#include "engine/model/filter.h"
#include "xml/document.h"
#include "xml/parsed.h"

namespace nwf::xml {

/// Reads a filter. All mistakes of the text are told at once: the first in the Error, the others in its `more`,
/// each with file, line and column of the element and what would be right. What libvirt ignores and a user may
/// have meant otherwise is a warning. `file` is only for messages.
Result<Parsed<Filter>> read_filter(std::string_view text, const std::string& file);
/// The same for a document that is read already.
Result<Parsed<Filter>> read_filter(const Element& root);

}  // namespace nwf::xml
