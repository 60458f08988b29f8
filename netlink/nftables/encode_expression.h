// SPDX-License-Identifier: GPL-2.0-or-later
// One expression ↔ libnftnl's form of it. The two directions are inverse.
#pragma once

#include <optional>

#include "engine/ruleset/ruleset.h"
#include "netlink/handles.h"

namespace nwf::netlink {

NftExpr encode(const Expression& expression, Family family);
/// Nothing for an expression that nwf never installs.
std::optional<Expression> decode(const nftnl_expr& expression);

}  // namespace nwf::netlink
