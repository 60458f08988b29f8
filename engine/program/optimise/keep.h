// SPDX-License-Identifier: GPL-2.0-or-later
// What every pass has to keep.
#pragma once

#include <algorithm>

#include "engine/program/program.h"

namespace nwf {

/// The rule does something besides deciding (it counts a connection, it notes an ARP pair): it has to be met by exactly
/// the packets that meet it, and its tests stay as they are.
inline bool has_side_effect(const ProgramRule& rule) {
  return std::any_of(rule.tests.begin(), rule.tests.end(), [](const Test& test) {
    return std::holds_alternative<test::GratuitousArp>(test) || std::holds_alternative<test::ConnectionLimit>(test);
  });
}

/// The rule, when it matches, ends its chain.
inline bool ends_chain(const ProgramRule& rule) { return rule.action != Action::Continue; }

/// The frame's own type, unmasked.
bool is_ether_type(const PacketField& field);
/// A test that says which protocol a frame carries: without it nft has no names for what lies inside, and could not
/// take its own listing again.
bool names_protocol(const Test& test);
/// A test of bytes that nft names by the protocol.
bool looks_inside(const Test& test);

}  // namespace nwf
