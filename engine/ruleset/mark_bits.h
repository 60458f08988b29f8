// SPDX-License-Identifier: GPL-2.0-or-later
// Bits of the packet mark that carry what one hook knows to another, on kernels whose bridge family has no `ct`
// or no `reject`. One byte of the mark; which one is the administrator's choice.
#pragma once

#include <cstdint>

namespace nwf {

struct MarkBits {
  unsigned shift = 24;  ///< of the byte: 0, 8, 16 or 24

  std::uint32_t state_mask() const { return 7U << shift; }
  std::uint32_t reject() const { return 8U << shift; }
  std::uint32_t limit_mask() const { return 0xf0U << shift; }
  /// `id` 1 to 15: which connection limit has to look at the packet.
  std::uint32_t limit(unsigned id) const { return (id << 4U) << shift; }
};

/// Most connection limits that can be told apart by mark.
constexpr unsigned kMaxMarkedLimits = 15;

/// Conntrack's view of a packet as three bits, chosen so that the usual tests are one masked comparison:
/// new or established in the original direction is 01x, established is x11, related is 10x.
enum class StateCode : std::uint8_t {
  None = 0b000,
  Invalid = 0b001,
  New = 0b010,
  EstablishedOriginal = 0b011,
  RelatedOriginal = 0b100,
  RelatedReply = 0b101,
  Untracked = 0b110,
  EstablishedReply = 0b111,
};

}  // namespace nwf
