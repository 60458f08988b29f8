// SPDX-License-Identifier: GPL-2.0-or-later
// Two rulesets → the changes that lead from one to the other.
#pragma once

#include "engine/ruleset/change.h"

namespace nwf {

/// Changes in an order the kernel accepts as one transaction: sets and chains before rules, rules before the
/// elements that go to them, deletions after whatever used what they delete. A chain whose rules differ is
/// flushed and refilled. Where an object changed in a way that needs it gone first (a base chain's hook, a set's
/// key), the family's whole table is replaced, still in the one transaction. Equal rulesets give no changes.
Changes diff(const Ruleset& before, const Ruleset& after);

/// The changes in words, one line each: for status and plan.
std::vector<std::string> describe(const Changes& changes, std::string_view table = kTableName);

}  // namespace nwf
