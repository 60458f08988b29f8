// SPDX-License-Identifier: GPL-2.0-or-later
// The kinds of value an attribute of a rule can have, and their texts.
//
// A literal is kept as the bytes the packet would show (network byte order, as wide as the kind says)
// together with the text that dumpxml prints. Values of variables arrive as texts and are parsed by the
// same functions, with the kind of the attribute that uses them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/error.h"

namespace nwf {

/// The kind of an attribute's value. Width of its bytes in brackets.
enum class ValueKind {
  MacAddress,   ///< [6]
  MacMask,      ///< [6] as many bits set as you like, from the left
  Ipv4Address,  ///< [4]
  Ipv4Mask,     ///< [1] prefix length; written as 0-32 or dotted
  Ipv6Address,  ///< [16]
  Ipv6Mask,     ///< [1] prefix length; written as 0-128 or as an address
  Uint8,        ///< [1]
  Uint16,       ///< [2]
  Uint32,       ///< [4]
  Connections,  ///< [2] 0-65535, in decimal only
  Dscp,         ///< [1] 0-63
  VlanId,       ///< [2] 0-4095
  EtherType,    ///< [2] 0x600-0xffff, or arp, rarp, ipv4, ipv6, vlan
  VlanEncap,    ///< [2] 0x3c-0xffff, or a name as for EtherType
  ArpOpcode,    ///< [2] a number or one of nine names
  IpProtocol,   ///< [1] a number or tcp, udp, udplite, esp, ah, icmp, igmp, sctp, icmpv6
  Boolean,      ///< [1] 0 or 1; written true, yes, 1, false, no, 0, in small letters
  TcpFlags,     ///< [2] mask, then the flags that must be set among them
  ConnState,    ///< [1] bits of StateBit
  IpsetName,    ///< text only
  IpsetFlags,   ///< [1..6] one byte each: 0 = src, 1 = dst
  Comment,      ///< text only
};

/// Bits of a ConnState value. None means: stateless, in the rule's own direction only.
enum StateBit : std::uint8_t {
  kStateNew = 1,
  kStateEstablished = 2,
  kStateRelated = 4,
  kStateInvalid = 8,
  kStateNone = 16,
};

using Bytes = std::vector<std::uint8_t>;

/// A value known when the filter is written (or when a variable is filled in).
struct Literal {
  Bytes bytes;
  std::string text;  ///< canonical, as dumpxml prints it: MACs and addresses normalised, numbers as written
  friend bool operator==(const Literal& a, const Literal& b) { return a.bytes == b.bytes && a.text == b.text; }
};

/// `$NAME`, `$NAME[3]` (the fourth value), `$NAME[@1]` (every value, stepping with iterator 1).
/// A plain `$NAME` is `$NAME[@0]`; variables of one rule on the same iterator step together.
struct VariableRef {
  enum class Access { Iterator, Subscript };
  std::string name;
  Access access = Access::Iterator;
  unsigned index = 0;  ///< iterator id or subscript
  /// Canonical text: without blanks, `[@0]` left out.
  std::string text() const;
  friend auto operator<=>(const VariableRef&, const VariableRef&) = default;
};

using Operand = std::variant<Literal, VariableRef>;

/// The number of bytes of a value of this kind in a packet; 0 where the kind has no fixed width.
std::size_t value_width(ValueKind kind);

/// Reads a literal. The error says what would be right; it has no place yet.
Result<Literal> parse_literal(ValueKind kind, std::string_view text);

/// Reads `$…` or a literal. `variables_allowed` is false for kinds that libvirt takes as text only.
Result<Operand> parse_operand(ValueKind kind, std::string_view text, bool variables_allowed);

/// Unsigned number of big-endian bytes (at most 8 of them).
std::uint64_t to_number(const Bytes& bytes);
/// Big-endian bytes of a number.
Bytes to_bytes(std::uint64_t number, std::size_t width);

}  // namespace nwf
