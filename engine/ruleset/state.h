// SPDX-License-Identifier: GPL-2.0-or-later
// Connection state in the bridge family, by what the kernel has: `ct` itself, or bits of the mark that an inet
// chain sets just after conntrack (br_netfilter calls it inside the bridge's own prerouting).
#pragma once

#include <optional>
#include <vector>

#include "engine/backend.h"
#include "engine/program/program.h"
#include "engine/ruleset/mark_bits.h"

namespace nwf {

enum class StateMethod : std::uint8_t { Native, Mark, None };

/// How the state of packets of one IP version is known.
StateMethod state_method(const Capabilities& capabilities, bool ipv6);

/// Expressions that go on when the packet's connection is as the test says; several lists when one does not do:
/// the rule is then written once for each. Uses register 0. Never called with StateMethod::None.
std::vector<std::vector<Expression>> lower_connection(const test::Connection& test, StateMethod method,
                                                      const MarkBits& bits);

/// The inet chain that copies state into the mark. `by_kind`: bridged packets can be told by `meta iifkind`.
Chain state_chain(const MarkBits& bits, bool by_kind);

/// A mark's bits as the register has them.
Bytes mark_bytes(std::uint32_t value);
/// mark := (mark & ~mask) | value, by way of register 0.
std::vector<Expression> set_mark(std::uint32_t mask, std::uint32_t value);
/// Goes on when (mark & mask) == value; register 0.
std::vector<Expression> test_mark(std::uint32_t mask, std::uint32_t value);

}  // namespace nwf
