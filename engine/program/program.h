// SPDX-License-Identifier: GPL-2.0-or-later
// A program: one filter tree flattened, ordered and typed. It names no port; what differs from port to port is
// a membership test of the port's own values. Still free of any kernel: how a test is made is lowering's business.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "engine/model/filter.h"
#include "engine/program/shape.h"
#include "engine/ruleset/expression.h"
#include "engine/ruleset/ruleset.h"

namespace nwf {

/// Bytes of a packet: a place, and what they are called in a set's key.
struct PacketField {
  PayloadBase base = PayloadBase::Network;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  Bytes mask;  ///< empty: all bits; else as long as `length`
  KeyType type = KeyType::Integer;
  bool l4proto = false;  ///< not a place but the transport protocol (behind IPv6 extension headers)
  friend bool operator==(const PacketField&, const PacketField&) = default;
};

/// Conntrack's view of a packet, bits. Reply and original are those of the packet's direction.
enum ConnBit : std::uint8_t {
  kConnNew = 1,
  kConnEstablished = 2,
  kConnRelated = 4,
  kConnInvalid = 8,
};
enum class ConnDirection : std::uint8_t { Any, Original, Reply };

namespace test {

/// The field's bytes (after its mask) equal the value, or do not.
struct Compare {
  PacketField field;
  Bytes value;
  bool negated = false;
  friend bool operator==(const Compare&, const Compare&) = default;
};
/// low <= field <= high, or outside.
struct Range {
  PacketField field;
  Bytes low;
  Bytes high;
  bool negated = false;
  friend bool operator==(const Range&, const Range&) = default;
};
/// The field's bytes are one of the values: the same for every port.
struct OneOf {
  PacketField field;  ///< unmasked
  std::set<Bytes> values;
  friend bool operator==(const OneOf&, const OneOf&) = default;
};
/// The fields, together, are one of the port's own tuples of values (negated: of its single one, they are not).
struct Member {
  std::vector<PacketField> fields;
  ValueSet set;
  bool negated = false;
  friend bool operator==(const Member&, const Member&) = default;
};
struct Connection {
  std::uint8_t states = 0;  ///< any of these ConnBit
  ConnDirection direction = ConnDirection::Any;
  friend bool operator==(const Connection&, const Connection&) = default;
};
struct TcpOption {
  std::uint8_t kind = 0;
  bool negated = false;
  friend bool operator==(const TcpOption&, const TcpOption&) = default;
};
/// An ARP packet whose sender and target IPv4 addresses are equal.
struct GratuitousArp {
  bool negated = false;
  bool reverse = false;  ///< in RARP packets
  friend bool operator==(const GratuitousArp&, const GratuitousArp&) = default;
};
/// Addresses and ports of the packet are in an ipset that somebody else keeps: one flag for each of its dimensions,
/// true for the packet's target. Only xtables can look there.
struct Ipset {
  std::string name;
  std::vector<bool> target;
  bool negated = false;
  friend bool operator==(const Ipset&, const Ipset&) = default;
};
/// More than `above` connections stand from the packet's source address, among those that came to this rule.
struct ConnectionLimit {
  std::uint16_t above = 0;
  bool negated = false;
  friend bool operator==(const ConnectionLimit&, const ConnectionLimit&) = default;
};

}  // namespace test

using Test = std::variant<test::Compare, test::Range, test::OneOf, test::Member, test::Connection, test::TcpOption,
                          test::GratuitousArp, test::ConnectionLimit, test::Ipset>;

/// All tests hold: the action is taken.
struct ProgramRule {
  std::vector<Test> tests;
  Action action = Action::Accept;
  std::string origin;  ///< FlatRule::origin()
  Source source;
  std::string comment = {};  ///< the rule's own, for tables that show it
};

struct ProgramEntry;

/// A chain of a program. The guard is what the jump to it tests.
struct ProgramChain {
  std::string name;  ///< of the filters' chain: "root", "ipv4-ip", …; "ip4" and "ip6" in the inet layer
  std::optional<test::Compare> guard;
  std::vector<ProgramEntry> entries;
};

/// A rule, or a jump to another chain of the same flow by its index.
struct ProgramEntry {
  std::variant<ProgramRule, std::size_t> what;
};

/// Packets of one layer in one direction. chains[0] is entered first; a flow without chains judges nothing.
struct Flow {
  std::vector<ProgramChain> chains;
  bool empty() const { return chains.empty(); }
};

constexpr std::size_t kFlowCount = 4;
/// Index of a flow: ethernet out, ethernet in, inet out, inet in. `direction` is Out or In.
constexpr std::size_t flow_index(Layer layer, Direction direction) {
  return (layer == Layer::Inet ? 2U : 0U) + (direction == Direction::In ? 1U : 0U);
}
constexpr Layer flow_layer(std::size_t index) { return index >= 2 ? Layer::Inet : Layer::Ethernet; }
constexpr Direction flow_direction(std::size_t index) { return index % 2 == 1 ? Direction::In : Direction::Out; }

struct Program {
  std::string name;                  ///< the root filter's, and a suffix when the shape is not the plain one
  std::string filter;                ///< the root filter
  std::vector<std::string> filters;  ///< all filters of the tree
  Shape shape;
  std::array<Flow, kFlowCount> flows;
  std::vector<ValueSet> sets;  ///< the sets its rules look up, sorted, each once
  /// Fills `sets` from the rules.
  void gather_sets();
};

}  // namespace nwf
