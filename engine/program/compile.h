// SPDX-License-Identifier: GPL-2.0-or-later
// Filter tree → program.
#pragma once

#include <memory>

#include "engine/program/flatten.h"
#include "engine/program/program.h"

namespace nwf {

/// Compiles the tree under `root` for ports whose binding gives `variables`. The program depends on their values
/// only as far as its shape says. Errors: those of flatten() and rule_tests().
Result<Program> compile(const std::shared_ptr<const Filter>& root, const FilterLookup& lookup,
                        const Variables& variables);

/// A port's elements of a value set: one for each step through its variables, equal ones once.
/// Errors: Invalid for a value that is not of the kind the rule needs.
Result<std::vector<Element>> elements_of(const ValueSet& set, const PortName& port, const Variables& variables);

}  // namespace nwf
