// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "engine/model/address.h"

namespace nwf {
namespace {

std::string_view key_name(KeyType type) {
  switch (type) {
    case KeyType::Ipv4Addr:
      return "ipv4";
    case KeyType::Ipv6Addr:
      return "ipv6";
    case KeyType::EtherAddr:
      return "ether";
    case KeyType::EtherType:
      return "ethertype";
    case KeyType::ArpOp:
      return "arpop";
    case KeyType::InetProto:
      return "proto";
    case KeyType::InetService:
      return "port";
    case KeyType::IcmpType:
      return "icmptype";
    case KeyType::Icmpv6Type:
      return "icmpv6type";
    case KeyType::Dscp:
      return "dscp";
    case KeyType::Mark:
      return "mark";
    case KeyType::IfName:
      return "ifname";
    case KeyType::Integer:
      return "number";
  }
  return "value";
}

/// A mask in a name: /24 as m24, anything else in hexadecimal.
std::string mask_name(const Bytes& mask) {
  int ones = 0;
  for (const std::uint8_t byte : mask) ones += std::popcount(byte);
  Bytes prefix(mask.size());
  for (int i = 0; i < ones; ++i) prefix[static_cast<std::size_t>(i) / 8] |= static_cast<std::uint8_t>(0x80U >> (i % 8));
  if (prefix == mask) return fmt::format("m{}", ones);
  return fmt::format("m{:02x}", fmt::join(mask, ""));
}

std::vector<std::string> distinct(std::vector<std::string> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

}  // namespace

bool Fact::holds(const Variables& variables) const {
  const auto found = variables.find(variable);
  const bool defined = found != variables.end();
  switch (kind) {
    case Kind::Defined:
      return defined;
    case Kind::NotDefined:
      return !defined;
    case Kind::Single:
      return defined && (found->second.size() == 1 || distinct(found->second).size() == 1);
    case Kind::Values:
      return defined && found->second == values;
    case Kind::Given:
      return defined;
    case Kind::AsMany: {
      const auto other = variables.find(values.at(0));
      return defined && other != variables.end() && found->second.size() == other->second.size();
    }
    case Kind::Count:
      return defined && std::to_string(found->second.size()) == values.at(0);
    case Kind::More:
      return defined && found->second.size() > std::stoul(values.at(0));
  }
  return false;
}

std::string Fact::key() const {
  return fmt::format("{}:{}:{}", variable, static_cast<int>(kind), fmt::join(values, ","));
}

bool Shape::holds(const Variables& variables) const {
  return std::all_of(facts.begin(), facts.end(), [&](const Fact& fact) { return fact.holds(variables); });
}

void Shape::add(Fact fact) {
  const auto key = fact.key();
  const auto place = std::lower_bound(facts.begin(), facts.end(), key,
                                      [](const Fact& a, const std::string& b) { return a.key() < b; });
  if (place == facts.end() || place->key() != key) facts.insert(place, std::move(fact));
}

std::string Shape::suffix() const {
  std::string text;
  for (const Fact& fact : facts)
    // The usual case has no name of its own: a list of one value, a parameter nobody overrides.
    if (fact.kind == Fact::Kind::Defined || fact.kind == Fact::Kind::Values) text += fact.key() + "\n";
  if (text.empty()) return {};
  return fmt::format("{:08x}", static_cast<std::uint32_t>(fnv1a(text)));
}

bool can_be_one_key(const std::vector<ValueColumn>& columns) {
  // The kernel's register file: 16 words of 4 bytes, of which the port's name takes four.
  constexpr std::size_t kKeyBytes = 64 - PortName::kSize;
  // nft packs the types of a key's parts into one number of 32 bits, six for each (nftables: include/datatype.h,
  // TYPE_BITS); Debian 12's aborts on a set that has more parts, and on one with a bare number when it has more than
  // four. The port's name is one of them.
  constexpr std::size_t kColumns = 4, kColumnsWithNumbers = 3;
  std::size_t bytes = 0;
  bool number = false;
  for (const ValueColumn& column : columns) {
    bytes += (column.part.width + 3) / 4 * 4;
    number = number || column.part.type == KeyType::Integer;
  }
  return bytes <= kKeyBytes && columns.size() <= (number ? kColumnsWithNumbers : kColumns);
}

std::string ValueSet::name() const {
  std::string name = "v";
  for (const ValueColumn& column : columns) {
    name.append(1, '.').append(column.variable.name);
    if (column.variable.access == VariableRef::Access::Subscript)
      name.append("-at").append(std::to_string(column.variable.index));
    name.append(1, '.').append(key_name(column.part.type));
    if (column.part.type == KeyType::Integer) name.append(std::to_string(column.part.width * 8));
    if (!column.mask.empty()) name += mask_name(column.mask);
  }
  // linux/netfilter/nf_tables.h: NFT_SET_MAXNAMELEN is 256
  if (name.size() > 200) name = fmt::format("{}.{:016x}", name.substr(0, 180), fnv1a(name));
  return name;
}

Set ValueSet::set() const {
  Set set;
  set.name = name();
  set.key.reserve(1 + columns.size());
  set.key.push_back({KeyType::IfName, PortName::kSize});
  for (const ValueColumn& column : columns) set.key.push_back(column.part);
  return set;
}

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash ^= static_cast<std::uint8_t>(c);
    hash *= 0x100000001b3U;
  }
  return hash;
}

}  // namespace nwf
