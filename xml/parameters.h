// SPDX-License-Identifier: GPL-2.0-or-later
// <filterref filter='…'> with its <parameter name='…' value='…'/>, alike in filters, bindings and interfaces.
#pragma once

#include "engine/model/filter.h"
#include "xml/document.h"
#include "xml/mistakes.h"

namespace nwf::xml {

FilterRef read_filterref(const Element& element, Mistakes& mistakes);

/// Refuses attributes other than these.
void check_attributes(const Element& element, const std::vector<std::string_view>& allowed, Mistakes& mistakes);

}  // namespace nwf::xml
