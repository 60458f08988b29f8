// SPDX-License-Identifier: GPL-2.0-or-later
// Rules, elements and verdicts in nft's words, for people: `binding rules`, `plan`, `explain`.
#pragma once

#include <string>

#include "engine/ruleset/ruleset.h"

namespace nwf::print {

/// One rule without its comment. Fields that have no name in nft are written as nft writes them: @nh,8,8.
std::string nft(const Rule& rule);
std::string nft(const Verdict& verdict);
/// An element's key, part by part, joined by ` . `.
std::string nft_key(const std::vector<KeyPart>& parts, const Bytes& key);

}  // namespace nwf::print
