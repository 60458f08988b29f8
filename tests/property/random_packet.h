// SPDX-License-Identifier: GPL-2.0-or-later
// Well-formed frames of all the kinds that filters tell apart. Ill-formed ones the bridge drops before any rule.
#pragma once

#include <optional>
#include <string>

#include "engine/model/value.h"
#include "tests/property/dice.h"

namespace nwf::test {

struct RandomPacket {
  bool from_guest = true;
  Bytes frame;
  Bytes tag;         ///< by which it is known at the other end
  std::string text;  ///< what it is, in a line
};

/// `number` is different for each, and makes its flow one of its own.
RandomPacket random_packet(Dice& dice, std::uint32_t number);

/// The reply to a UDP or TCP packet: ends and ports exchanged. Nothing for other packets.
std::optional<RandomPacket> reply_to(const RandomPacket& packet, std::uint32_t number);

}  // namespace nwf::test
