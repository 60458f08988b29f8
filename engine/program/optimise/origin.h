// SPDX-License-Identifier: GPL-2.0-or-later
// Where a rule made of several comes from.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nwf {

/// Longest origin of a rule made of several: it has to fit into the kernel's comment whole, a chain's seal beside it
/// (engine/ruleset/ruleset.h: kMaxComment, fingerprint.h).
constexpr std::size_t kMaxMergedOrigin = 102;

/// All of these, each named once, a filter's name once for rules of it that follow each other:
/// `web rule 1 line 2, rule 2 line 3, base rule 1 line 9`; shorter where that is too long: `web rules 1-2, base rule
/// 1`. Nothing when they cannot all be named in kMaxMergedOrigin bytes: then the rules had better stay apart.
std::optional<std::string> merged_origin(const std::vector<std::string>& origins);

}  // namespace nwf
