// SPDX-License-Identifier: GPL-2.0-or-later
// Pieces of rules, sets and keys that the rules of networks are put together from.
//
// A Register here counts 4 bytes: an interface name fills 0 to 3, what is joined to it starts at 4.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/ruleset/ruleset.h"

namespace nwf::network_parts {

inline constexpr KeyPart kName{KeyType::IfName, 16};
inline constexpr KeyPart kAddress4{KeyType::Ipv4Addr, 4};
inline constexpr KeyPart kAddress6{KeyType::Ipv6Addr, 16};
inline constexpr KeyPart kProtocol{KeyType::InetProto, 1};
inline constexpr KeyPart kPort{KeyType::InetService, 2};

using Expressions = std::vector<Expression>;

Expressions join(Expressions first, const Expressions& second);
Rule rule(Expressions expressions, std::string comment);

expr::MetaLoad in_name(Register to = 0);
expr::MetaLoad out_name(Register to = 0);
expr::MetaLoad protocol(Register to);
expr::Payload source4(Register to);
expr::Payload target4(Register to);
expr::Payload source6(Register to);
expr::Payload target6(Register to);
expr::Payload target_port(Register to);
expr::Payload icmp_type(Register to);
expr::Compare equal(Register from, Bytes data);
expr::Lookup in_set(std::string set);
expr::Lookup not_in_set(std::string set);
expr::Immediate accept();
/// Back to the chain that jumped here.
expr::Immediate back();
expr::Immediate jump(std::string chain);
expr::Immediate go_to(std::string chain);
expr::Reject reject();
Expressions is_ipv4();
Expressions is_ipv6();
/// ct state established,related
Expressions known_connection();
/// ct status dnat
Expressions destination_translated();

/// An interface name as the kernel compares it.
Bytes name_bytes(const std::string& name);
Bytes port_bytes(std::uint16_t port);
/// A key of several parts, each filled up to a multiple of 4 bytes.
Bytes joined(const std::vector<Bytes>& parts);

Set plain_set(std::string name, std::vector<KeyPart> key, std::string comment);
/// A set of ranges.
Set range_set(std::string name, std::vector<KeyPart> key, std::string comment);
/// A map from key to data.
Set map_set(std::string name, std::vector<KeyPart> key, std::vector<KeyPart> data, std::string comment);
void add_set(Table& table, Set set);
void add(Table& table, const std::string& set, Bytes key);
void add_range(Table& table, const std::string& set, Bytes first, Bytes last);
Chain base_chain(std::string name, BaseHook hook, std::string comment);

}  // namespace nwf::network_parts
