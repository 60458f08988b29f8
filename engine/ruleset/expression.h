// SPDX-License-Identifier: GPL-2.0-or-later
// nf_tables expressions as plain values, one struct per kernel expression that nwf installs.
//
// Registers are the kernel's 32-bit registers, numbered 0 to 15 (linux/netfilter/nf_tables.h: NFT_REG32_00
// is 8, so register n here is 8 + n there; the encoder uses the 16-byte names where nft itself does, so
// that the distribution's nft can print a rule). Data is in the byte order in which the kernel keeps it in
// a register: packet fields as on the wire, meta and ct values in host byte order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/model/value.h"

namespace nwf {

using Register = std::uint8_t;

enum class MetaKey : std::uint8_t {
  InterfaceIn,      ///< iifname, 16 bytes
  InterfaceOut,     ///< oifname, 16 bytes
  L4Proto,          ///< 1 byte: the transport protocol, behind IPv6 extension headers
  NfProto,          ///< 1 byte: NFPROTO_IPV4 2, NFPROTO_IPV6 10 (inet family only)
  Mark,             ///< 4 bytes, host byte order
  InterfaceInKind,  ///< iifkind, 16 bytes: "bridge", "tun", ...
};
enum class CtKey : std::uint8_t { State, Direction, Status };
/// Where a payload offset counts from. linux/netfilter/nf_tables.h: enum nft_payload_bases
enum class PayloadBase : std::uint8_t { Link, Network, Transport };
enum class CompareOp : std::uint8_t { Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual };

/// linux/netfilter/nf_conntrack_common.h, as nft_ct shows them: bit masks of `ct state`.
constexpr std::uint32_t kCtStateInvalid = 1, kCtStateEstablished = 2, kCtStateRelated = 4, kCtStateNew = 8,
                        kCtStateUntracked = 64;
/// The same header's bit of `ct status`: the destination was translated.
constexpr std::uint32_t kCtStatusDnat = 32;
/// linux/rtnetlink.h: RTN_LOCAL, what FibAddressType gives for an address of the host's own.
constexpr std::uint32_t kFibLocal = 2;

enum class VerdictCode : std::uint8_t { Accept, Drop, Return, Continue, Jump, Goto };
struct Verdict {
  VerdictCode code = VerdictCode::Accept;
  std::string chain;  ///< for Jump and Goto
  friend auto operator<=>(const Verdict&, const Verdict&) = default;
};

namespace expr {

struct MetaLoad {
  MetaKey key;
  Register to;
  friend bool operator==(const MetaLoad&, const MetaLoad&) = default;
};
/// Stores the register into the packet's mark.
struct MetaSetMark {
  Register from;
  friend bool operator==(const MetaSetMark&, const MetaSetMark&) = default;
};
struct CtLoad {
  CtKey key;
  Register to;
  friend bool operator==(const CtLoad&, const CtLoad&) = default;
};
/// `length` bytes (1 to 16) from `offset` of `base`.
struct Payload {
  PayloadBase base;
  std::uint32_t offset;
  std::uint32_t length;
  Register to;
  friend bool operator==(const Payload&, const Payload&) = default;
};
/// 1 when the TCP header has an option of this kind, else 0.
struct TcpOptionExists {
  std::uint8_t kind;
  Register to;
  friend bool operator==(const TcpOptionExists&, const TcpOptionExists&) = default;
};
/// register := (register & mask) ^ exclusive_or; mask and exclusive_or are equally long.
struct Bitwise {
  Register from;
  Register to;
  Bytes mask;
  Bytes exclusive_or;
  friend bool operator==(const Bitwise&, const Bitwise&) = default;
};
struct Compare {
  Register from;
  CompareOp op;
  Bytes data;
  friend bool operator==(const Compare&, const Compare&) = default;
};
/// low <= register <= high, or the opposite; for network byte order only.
struct Range {
  Register from;
  bool inside;
  Bytes low;
  Bytes high;
  friend bool operator==(const Range&, const Range&) = default;
};
/// Is the key that starts at `from` in the set? With a verdict map, its verdict is taken; with `to`, the map's data
/// goes there.
struct Lookup {
  std::string set;
  Register from;
  bool inverted = false;
  bool verdict_map = false;
  std::optional<Register> to = {};
  friend bool operator==(const Lookup&, const Lookup&) = default;
};
/// Adds the key at `from` to a dynamic set, or deletes it. With connlimit set (add only), the expression
/// then matches when more than that many connections stand under the key (`ct count over N`). Count adds it, or begins
/// its time-out anew, and counts the packet under it. An addition to a full set ends the rule.
struct DynamicSet {
  enum class Op : std::uint8_t { Add, Delete, Count };
  Op op;
  std::string set;
  Register from;
  std::uint32_t connlimit_over = 0;  ///< 0: none
  bool connlimit = false;
  friend bool operator==(const DynamicSet&, const DynamicSet&) = default;
};
struct Counter {
  friend bool operator==(const Counter&, const Counter&) = default;
};
/// ICMP or ICMPv6 port unreachable, by the packet's family. linux/netfilter/nf_tables.h: NFT_REJECT_ICMPX_UNREACH,
/// NFT_REJECT_ICMPX_PORT_UNREACH
struct Reject {
  friend bool operator==(const Reject&, const Reject&) = default;
};
struct Immediate {
  Verdict verdict;
  friend bool operator==(const Immediate&, const Immediate&) = default;
};
/// Puts constant bytes (at most 16) into a register.
struct ImmediateData {
  Register to;
  Bytes data;
  friend bool operator==(const ImmediateData&, const ImmediateData&) = default;
};

/// What the destination is to this host: 4 bytes, host byte order (kFibLocal, ...).
struct FibAddressType {
  Register to;
  friend bool operator==(const FibAddressType&, const FibAddressType&) = default;
};
/// Registers that hold the lowest and the highest of a range.
struct RegisterRange {
  Register min;
  Register max;
  friend bool operator==(const RegisterRange&, const RegisterRange&) = default;
};
/// Source address of the interface the packet leaves by; nat postrouting chains only. Ports from a range, where one is
/// given, in network byte order.
struct Masquerade {
  std::optional<RegisterRange> ports;
  friend bool operator==(const Masquerade&, const Masquerade&) = default;
};
/// Address translation in a nat chain: source in postrouting, destination in prerouting and output.
struct Nat {
  enum class Kind : std::uint8_t { Source, Destination };
  Kind kind;
  bool ipv6;  ///< the family of the addresses; other packets must not come here
  RegisterRange addresses;
  std::optional<RegisterRange> ports;
  bool prefix = false;  ///< the range is a prefix: the host part stays (NPTv6, RFC 6296, without its checksum trick)
  friend bool operator==(const Nat&, const Nat&) = default;
};

}  // namespace expr

using Expression =
    std::variant<expr::MetaLoad, expr::MetaSetMark, expr::CtLoad, expr::Payload, expr::TcpOptionExists, expr::Bitwise,
                 expr::Compare, expr::Range, expr::Lookup, expr::DynamicSet, expr::Counter, expr::Reject,
                 expr::Immediate, expr::ImmediateData, expr::FibAddressType, expr::Masquerade, expr::Nat>;

}  // namespace nwf
