// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel objects that realise programs and bindings, as plain data: tables, chains, rules, sets, elements.
//
// A Ruleset says an end; what to send to reach it is a list of Change (change.h). Rules have no identity of
// their own: a chain's rules are one list, replaced as a whole.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "engine/ruleset/expression.h"

namespace nwf {

/// Families that nwf uses. linux/netfilter.h: NFPROTO_BRIDGE 7, NFPROTO_INET 1.
enum class Family : std::uint8_t { Bridge, Inet };

/// The table of each family that guards ports, and the one that networks have in the inet family. Nothing outside these
/// tables is ever changed. A Backend is about the tables of one name.
inline constexpr std::string_view kTableName = "nwf";
inline constexpr std::string_view kNetworksTableName = "nwf_networks";

enum class Hook : std::uint8_t { Prerouting, Input, Forward, Output, Postrouting };

enum class ChainType : std::uint8_t { Filter, Nat };

/// What makes a chain a base chain. Its policy is always accept.
struct BaseHook {
  Hook hook;
  std::int32_t priority;
  ChainType type = ChainType::Filter;
  friend auto operator<=>(const BaseHook&, const BaseHook&) = default;
};

/// Longest comment: libnftnl keeps it with its final zero in 128 bytes of userdata.
constexpr std::size_t kMaxComment = 127;

struct Rule {
  std::vector<Expression> expressions;
  std::string comment;  ///< where it comes from: `FILTER rule N line L`; at most kMaxComment bytes
  Source source = {};   ///< the same with the file, for a ruleset just compiled: the kernel keeps only the comment
  /// Where it was written is not part of what it is.
  friend bool operator==(const Rule& a, const Rule& b) {
    return a.expressions == b.expressions && a.comment == b.comment;
  }
};

struct Chain {
  std::string name;
  std::optional<BaseHook> base;  ///< none: a regular chain, reached by jump or goto
  std::vector<Rule> rules;
  std::string comment;  ///< what it is; at most kMaxComment bytes; fixed for the chain's life
  friend bool operator==(const Chain&, const Chain&) = default;
};

/// A component of a set's key. The numbers are nft's own (nftables: include/datatype.h, enum datatypes),
/// which the kernel keeps for it.
enum class KeyType : std::uint8_t {
  Ipv4Addr = 7,
  Ipv6Addr = 8,
  EtherAddr = 9,
  EtherType = 10,
  ArpOp = 11,
  InetProto = 12,
  InetService = 13,
  IcmpType = 14,
  Icmpv6Type = 29,
  Dscp = 23,
  IfName = 41,
  Mark = 19,
  Integer = 4,
};
/// Bytes of a component's value.
std::size_t key_width(KeyType type);

struct KeyPart {
  KeyType type;
  std::size_t width;  ///< bytes of the value; in the key each part is padded to a multiple of 4
  friend auto operator<=>(const KeyPart&, const KeyPart&) = default;
};
/// The padded length of a key.
std::size_t key_length(const std::vector<KeyPart>& key);

struct Set {
  std::string name;
  std::vector<KeyPart> key;
  bool verdict_map = false;
  bool dynamic = false;               ///< packets may add elements
  std::uint32_t timeout_seconds = 0;  ///< of dynamic elements; 0: none
  std::uint32_t size = 0;             ///< most elements of a dynamic set; 0: the kernel's default
  std::string comment;
  bool interval = false;           ///< elements are ranges, in each part of the key
  std::vector<KeyPart> data = {};  ///< of a map to values; none: a set, or a verdict map
  friend bool operator==(const Set&, const Set&) = default;
};

/// An element of a set or map; its key is the parts one after the other, each padded to 4 bytes, and so is its data.
struct Element {
  Bytes key;
  std::optional<Verdict> verdict;
  Bytes key_end = {};  ///< of an interval set: the last of each part's range, as long as the key
  Bytes data = {};     ///< of a map to values
  friend auto operator<=>(const Element&, const Element&) = default;
};

struct Table {
  Family family;
  std::map<std::string, Chain> chains;
  std::map<std::string, Set> sets;
  std::map<std::string, std::set<Element>> elements;  ///< by set; dynamic sets' elements are not kept
  friend bool operator==(const Table&, const Table&) = default;
};

/// All that nwf has in a kernel, or wants there. A family absent from the map has no table.
struct Ruleset {
  std::map<Family, Table> tables;
  friend bool operator==(const Ruleset&, const Ruleset&) = default;
};

}  // namespace nwf
