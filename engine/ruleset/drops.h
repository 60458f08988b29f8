// SPDX-License-Identifier: GPL-2.0-or-later
// Dropped packets, counted by port and rule.
//
// Rules are shared by ports, so a counter in a rule would tell of all of them together. Instead a rule that drops
// writes a number of its own into the packet's mark, which nobody will see any more, and goes to one of two chains.
// There the kernel counts in a set, under the port's name and that mark, and drops:
//
//     clean-traffic.eth-out   …  meta mark set 0x5d2f11c0 goto guest-out.dropped
//     guest-out.dropped       update @drops { iifname . meta mark counter }
//                             drop
//
// Nothing of it is on the way of a packet that passes. When the set is full the first rule just ends: the second one
// drops all the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/filter.h"
#include "engine/ruleset/ruleset.h"

namespace nwf {

/// What the kernel counted under one key.
struct CountedDrops {
  std::string port;
  std::uint32_t number = 0;  ///< of the rule: drop_number()
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;  ///< of the packets, in the kernel's sense: without the Ethernet header
  friend bool operator==(const CountedDrops&, const CountedDrops&) = default;
};

inline constexpr std::string_view kDropsSet = "drops";

/// Its elements end a day after the last packet. A guest can make as many as rules of its filter drop.
Set drops_set();

/// The chain that counts and drops. `direction` is Out or In.
std::string dropped_chain_name(Direction direction);
Chain dropped_chain(Direction direction);
bool is_dropped_chain(std::string_view name);

/// What a rule ends with whose packets are dropped, and counted under this number.
std::vector<Expression> count_and_drop(Direction direction, std::uint32_t number);

/// The expressions with a plain drop in the place of count_and_drop(): as the filter says it.
std::vector<Expression> without_count(std::vector<Expression> expressions);

/// A rule's number, from what it is. `flow` is its flow's index (engine/program/program.h), `origin` as in its comment.
std::uint32_t drop_number(std::size_t flow, std::string_view origin);

}  // namespace nwf
