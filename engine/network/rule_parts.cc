// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/rule_parts.h"

#include <algorithm>

#include "engine/ruleset/state.h"

namespace nwf::network_parts {
namespace {

// linux/netfilter.h
constexpr std::uint8_t kNfprotoIpv4 = 2, kNfprotoIpv6 = 10;

Expressions is_family(std::uint8_t number) {
  return {expr::MetaLoad{MetaKey::NfProto, 0}, expr::Compare{0, CompareOp::Equal, {number}}};
}

Expressions has_bits(CtKey key, std::uint32_t bits) {
  return {expr::CtLoad{key, 0}, expr::Bitwise{0, 0, mark_bytes(bits), Bytes(4)},
          expr::Compare{0, CompareOp::NotEqual, Bytes(4)}};
}

expr::Immediate verdict(VerdictCode code, std::string chain = {}) { return {{code, std::move(chain)}}; }

}  // namespace

Expressions join(Expressions first, const Expressions& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}
Rule rule(Expressions expressions, std::string comment) { return {std::move(expressions), std::move(comment)}; }

expr::MetaLoad in_name(Register to) { return {MetaKey::InterfaceIn, to}; }
expr::MetaLoad out_name(Register to) { return {MetaKey::InterfaceOut, to}; }
expr::MetaLoad protocol(Register to) { return {MetaKey::L4Proto, to}; }
expr::Payload source4(Register to) { return {PayloadBase::Network, 12, 4, to}; }
expr::Payload target4(Register to) { return {PayloadBase::Network, 16, 4, to}; }
expr::Payload source6(Register to) { return {PayloadBase::Network, 8, 16, to}; }
expr::Payload target6(Register to) { return {PayloadBase::Network, 24, 16, to}; }
expr::Payload target_port(Register to) { return {PayloadBase::Transport, 2, 2, to}; }
expr::Payload icmp_type(Register to) { return {PayloadBase::Transport, 0, 1, to}; }
expr::Compare equal(Register from, Bytes data) { return {from, CompareOp::Equal, std::move(data)}; }
expr::Lookup in_set(std::string set) { return {std::move(set), 0}; }
expr::Lookup not_in_set(std::string set) { return {std::move(set), 0, true}; }
expr::Immediate accept() { return verdict(VerdictCode::Accept); }
expr::Immediate back() { return verdict(VerdictCode::Return); }
expr::Immediate jump(std::string chain) { return verdict(VerdictCode::Jump, std::move(chain)); }
expr::Immediate go_to(std::string chain) { return verdict(VerdictCode::Goto, std::move(chain)); }
expr::Reject reject() { return {}; }
Expressions is_ipv4() { return is_family(kNfprotoIpv4); }
Expressions is_ipv6() { return is_family(kNfprotoIpv6); }
Expressions known_connection() { return has_bits(CtKey::State, kCtStateEstablished | kCtStateRelated); }
Expressions destination_translated() { return has_bits(CtKey::Status, kCtStatusDnat); }

Bytes name_bytes(const std::string& name) {
  Bytes bytes(PortName::kSize);
  std::copy_n(name.begin(), std::min(name.size(), PortName::kSize - 1), bytes.begin());
  return bytes;
}

Bytes port_bytes(std::uint16_t port) { return to_bytes(port, 2); }

Bytes joined(const std::vector<Bytes>& parts) {
  Bytes key;
  for (const Bytes& part : parts) {
    key.insert(key.end(), part.begin(), part.end());
    key.resize((key.size() + 3) / 4 * 4);
  }
  return key;
}

Set plain_set(std::string name, std::vector<KeyPart> key, std::string comment) {
  Set set;
  set.name = std::move(name);
  set.key = std::move(key);
  set.comment = std::move(comment);
  return set;
}

Set range_set(std::string name, std::vector<KeyPart> key, std::string comment) {
  Set set = plain_set(std::move(name), std::move(key), std::move(comment));
  set.interval = true;
  return set;
}

Set map_set(std::string name, std::vector<KeyPart> key, std::vector<KeyPart> data, std::string comment) {
  Set set = plain_set(std::move(name), std::move(key), std::move(comment));
  set.data = std::move(data);
  return set;
}

void add_set(Table& table, Set set) {
  const std::string name = set.name;
  table.sets.emplace(name, std::move(set));
}

void add(Table& table, const std::string& set, Bytes key) {
  table.elements[set].insert(Element{std::move(key), std::nullopt});
}

void add_range(Table& table, const std::string& set, Bytes first, Bytes last) {
  table.elements[set].insert(Element{std::move(first), std::nullopt, std::move(last)});
}

Chain base_chain(std::string name, BaseHook hook, std::string comment) {
  Chain chain;
  chain.name = std::move(name);
  chain.base = hook;
  chain.comment = std::move(comment);
  return chain;
}

}  // namespace nwf::network_parts
