// SPDX-License-Identifier: GPL-2.0-or-later
// <rule> → model.
#pragma once

#include <optional>

#include "engine/model/filter.h"
#include "xml/document.h"
#include "xml/mistakes.h"

namespace nwf::xml {

/// Reads a rule; what is wrong with it goes to `mistakes`, and then there may be no rule.
std::optional<FilterRule> read_rule(const Element& element, Mistakes& mistakes);

/// A priority of a filter or a rule.
std::optional<int> read_priority(const std::string& text, const Element& element, Mistakes& mistakes);

}  // namespace nwf::xml
