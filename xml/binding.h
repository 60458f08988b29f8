// SPDX-License-Identifier: GPL-2.0-or-later
// <filterbinding> → model.
#pragma once

#include <string>
#include <string_view>

#include "engine/model/binding.h"
#include "xml/document.h"
#include "xml/parsed.h"

namespace nwf::xml {

/// Reads a <filterbinding>: optional owner, portdev, mac, filterref with parameters. All mistakes at once, as
/// read_filter() does.
Result<Parsed<Binding>> read_binding(std::string_view text, const std::string& file);
/// The same for a document that is read already.
Result<Parsed<Binding>> read_binding(const Element& root);

}  // namespace nwf::xml
