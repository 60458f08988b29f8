// SPDX-License-Identifier: GPL-2.0-or-later
// What tells two objects of a ruleset apart, short enough for a comment in the kernel.
#pragma once

#include <string>

#include "engine/ruleset/ruleset.h"

namespace nwf {

/// Every member of an expression, as text; equal texts mean equal expressions. Not for people (print/nft.h is).
std::string canonical(const Expression& expression);
/// Sixteen hexadecimal digits over a chain's hook, rules and their comments; its own comment does not count.
std::string fingerprint(const Chain& chain);
/// Writes the fingerprint into the comment of the chain's first rule (`…; chain=…`): the kernel keeps a chain's own
/// comment for as long as the chain lives, and chains outlive their rules here. Only for a chain not sealed yet.
void seal(Chain& chain);
/// The fingerprint a sealed chain carries, or empty.
std::string sealed_fingerprint(const Chain& chain);

}  // namespace nwf
