// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/print/nft_changes.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/print/nft.h"

namespace nwf::print {
namespace {

std::string_view name_of(Hook hook) {
  switch (hook) {
    case Hook::Prerouting:
      return "prerouting";
    case Hook::Input:
      return "input";
    case Hook::Forward:
      return "forward";
    case Hook::Output:
      return "output";
    case Hook::Postrouting:
      return "postrouting";
  }
  return "?";
}

/// nft's name of a type (nftables: src/datatype.c).
std::string_view type_name(KeyType type) {
  switch (type) {
    case KeyType::Ipv4Addr:
      return "ipv4_addr";
    case KeyType::Ipv6Addr:
      return "ipv6_addr";
    case KeyType::EtherAddr:
      return "ether_addr";
    case KeyType::EtherType:
      return "ether_type";
    case KeyType::ArpOp:
      return "arp_op";
    case KeyType::InetProto:
      return "inet_proto";
    case KeyType::InetService:
      return "inet_service";
    case KeyType::IcmpType:
      return "icmp_type";
    case KeyType::Icmpv6Type:
      return "icmpv6_type";
    case KeyType::Dscp:
      return "dscp";
    case KeyType::Mark:
      return "mark";
    case KeyType::IfName:
      return "ifname";
    case KeyType::Integer:
      return "integer";
  }
  return "?";
}

/// An expression of the type, for keys with a bare number: those have a width that no type's name tells.
std::string expression_of(const KeyPart& part) {
  switch (part.type) {
    case KeyType::Ipv4Addr:
      return "ip saddr";
    case KeyType::Ipv6Addr:
      return "ip6 saddr";
    case KeyType::EtherAddr:
      return "ether saddr";
    case KeyType::EtherType:
      return "ether type";
    case KeyType::ArpOp:
      return "arp operation";
    case KeyType::InetProto:
      return "meta l4proto";
    case KeyType::InetService:
      return "th dport";
    case KeyType::IcmpType:
      return "icmp type";
    case KeyType::Icmpv6Type:
      return "icmpv6 type";
    case KeyType::Dscp:
      return "ip dscp";
    case KeyType::Mark:
      return "meta mark";
    case KeyType::IfName:
      return "iifname";
    case KeyType::Integer:
      break;
  }
  return fmt::format("@nh,0,{}", part.width * 8);
}

std::string key_of(const Set& set) {
  const bool numbers =
      std::any_of(set.key.begin(), set.key.end(), [](const KeyPart& part) { return part.type == KeyType::Integer; });
  std::string text = numbers ? "typeof" : "type";
  for (std::size_t i = 0; i < set.key.size(); ++i)
    text += fmt::format("{} {}", i == 0 ? "" : " .",
                        numbers ? expression_of(set.key[i]) : std::string(type_name(set.key[i].type)));
  return text + (set.verdict_map ? " : verdict" : "");
}

std::string quoted(const std::string& comment) {
  return comment.empty() ? "" : fmt::format(" comment \"{}\"", comment);
}

struct Command {
  std::string_view family;

  std::string table() const { return fmt::format("{} {}", family, kTableName); }

  std::string operator()(const change::AddTable&) const { return "add table " + table(); }
  std::string operator()(const change::DeleteTable&) const { return "delete table " + table(); }
  std::string operator()(const change::AddChain& c) const {
    std::string text = fmt::format("add chain {} {}", table(), c.chain.name);
    if (!c.chain.base && c.chain.comment.empty()) return text;
    text += " {";
    if (c.chain.base)
      text += fmt::format(" type filter hook {} priority {}; policy accept;", name_of(c.chain.base->hook),
                          c.chain.base->priority);
    if (!c.chain.comment.empty()) text += quoted(c.chain.comment) + ";";
    return text + " }";
  }
  std::string operator()(const change::FlushChain& c) const {
    return fmt::format("flush chain {} {}", table(), c.chain);
  }
  std::string operator()(const change::DeleteChain& c) const {
    return fmt::format("delete chain {} {}", table(), c.chain);
  }
  std::string operator()(const change::AddRule& c) const {
    return fmt::format("add rule {} {} {}{}", table(), c.chain, nft(c.rule), quoted(c.rule.comment));
  }
  std::string operator()(const change::AddSet& c) const {
    std::string text =
        fmt::format("add {} {} {} {{ {};", c.set.verdict_map ? "map" : "set", table(), c.set.name, key_of(c.set));
    if (c.set.size > 0) text += fmt::format(" size {};", c.set.size);
    if (c.set.dynamic) text += c.set.timeout_seconds > 0 ? " flags dynamic,timeout;" : " flags dynamic;";
    if (c.set.timeout_seconds > 0) text += fmt::format(" timeout {}s;", c.set.timeout_seconds);
    if (!c.set.comment.empty()) text += quoted(c.set.comment) + ";";
    return text + " }";
  }
  std::string operator()(const change::DeleteSet& c) const { return fmt::format("delete set {} {}", table(), c.set); }
  std::string operator()(const change::AddElements& c) const { return elements("add", c.set, c.elements); }
  std::string operator()(const change::DeleteElements& c) const { return elements("delete", c.set, c.elements); }

  std::string elements(std::string_view verb, const Set& set, const std::vector<Element>& elements) const {
    std::string text = fmt::format("{} element {} {} {{ ", verb, table(), set.name);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      text += (i == 0 ? "" : ", ") + nft_key(set.key, elements[i].key);
      if (elements[i].verdict && verb == "add") text += " : " + nft(*elements[i].verdict);
    }
    return text + " }";
  }
};

}  // namespace

std::vector<std::string> nft(const Changes& changes) {
  std::vector<std::string> commands;
  commands.reserve(changes.size());
  for (const Change& change : changes)
    commands.push_back(std::visit(Command{change.family == Family::Bridge ? "bridge" : "inet"}, change.what));
  return commands;
}

}  // namespace nwf::print
