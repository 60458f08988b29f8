// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/property/random_filter.h"

#include <fmt/format.h>

#include <algorithm>

namespace nwf::test {
namespace {

/// A legal text for an attribute.
std::string text_for(const FieldRow& row, Dice& dice) {
  switch (row.kind) {
    case ValueKind::MacAddress:
      return dice.from(pool::kMacs);
    case ValueKind::MacMask:
      return dice.one_of({"ff:ff:ff:ff:ff:ff", "ff:ff:ff:00:00:00", "00:00:00:00:00:0f", "01:00:00:00:00:00"});
    case ValueKind::Ipv4Address:
      return dice.from(pool::kIpv4);
    case ValueKind::Ipv4Mask:
      return dice.one_of({"32", "24", "16", "8", "0", "255.255.255.0", "31"});
    case ValueKind::Ipv6Address:
      return dice.from(pool::kIpv6);
    case ValueKind::Ipv6Mask:
      return dice.one_of({"128", "64", "48", "32", "0", "127"});
    case ValueKind::Uint8:
      return row.name == "code" || row.name == "codeend" ? dice.one_of({"0", "1", "3"})
                                                         : dice.one_of({"0", "8", "128", "0x03", "5"});
    case ValueKind::Uint16:
      if (row.name.find("port") != std::string_view::npos && row.name.size() > 6) return dice.from(pool::kPorts);
      return dice.one_of({"0", "1", "2", "0x100", "2048", "32768"});
    case ValueKind::Connections:
      return dice.one_of({"0", "1", "2"});
    case ValueKind::Uint32:
      return dice.one_of({"0", "4", "65536", "0xffffffff"});
    case ValueKind::Dscp:
      return dice.one_of({"0", "8", "46", "0x3f"});
    case ValueKind::VlanId:
      return dice.one_of({"0", "7", "100", "4095"});
    case ValueKind::EtherType:
    case ValueKind::VlanEncap:
      return dice.one_of({"arp", "ipv4", "ipv6", "rarp", "0x88b5", "0x806", "vlan"});
    case ValueKind::ArpOpcode:
      return dice.one_of({"Request", "Reply", "3", "Reply_Reverse"});
    case ValueKind::IpProtocol:
      return dice.one_of({"tcp", "udp", "icmp", "17", "0x3a", "sctp", "esp"});
    case ValueKind::Boolean:
      return dice.one_of({"true", "false", "1", "no"});
    case ValueKind::TcpFlags:
      return dice.one_of({"SYN/SYN", "SYN,ACK/SYN", "ALL/NONE", "SYN,RST,ACK,FIN/SYN", "ACK/NONE"});
    case ValueKind::ConnState:
      return dice.one_of({"NEW", "ESTABLISHED", "NEW,ESTABLISHED", "INVALID", "NONE", "RELATED,ESTABLISHED"});
    case ValueKind::IpsetName:
    case ValueKind::IpsetFlags:
      return "";
    case ValueKind::Comment:
      return dice.one_of({"a comment", "it's <one> & \"two\""});
  }
  return "";
}

std::string variable_for(const FieldRow& row) {
  switch (row.kind) {
    case ValueKind::MacAddress:
      return "MAC";
    case ValueKind::Ipv4Address:
      return "IP";
    case ValueKind::Ipv6Address:
      return "IPV6";
    case ValueKind::Uint16:
      return row.name.find("port") != std::string_view::npos && row.name.size() > 6 ? "PORT" : "";
    default:
      return "";
  }
}

/// Left out: connection limits, which depend on when the kernel forgets a connection, and ipsets.
bool usable(const FieldRow& row) {
  return row.field != Field::ConnlimitAbove && row.field != Field::Ipset && row.field != Field::IpsetFlags;
}

void add_attribute(FilterRule& rule, const FieldRow& row, bool negated, Dice& dice) {
  std::string text = text_for(row, dice);
  const std::string variable = variable_for(row);
  if (row.variables && row.role == Role::Value && !variable.empty() && dice.chance(35)) {
    text = "$" + variable;
    if (variable != "MAC" && dice.chance(20)) text += dice.one_of({"[0]", "[@1]", "[@2]"});
  }
  auto value = parse_operand(row.kind, text, row.variables);
  if (!value) return;
  const auto place = std::lower_bound(rule.attributes.begin(), rule.attributes.end(), row.field,
                                      [](const Attribute& a, Field field) { return a.field < field; });
  if (place != rule.attributes.end() && place->field == row.field) return;
  rule.attributes.insert(place, {row.field, negated, std::move(*value), {}});
}

FilterRule random_rule(Dice& dice) {
  FilterRule rule;
  rule.action = dice.one_of({Action::Accept, Action::Accept, Action::Accept, Action::Drop, Action::Drop, Action::Drop,
                             Action::Return, Action::Reject, Action::Continue});
  rule.direction = dice.one_of({Direction::In, Direction::Out, Direction::InOut, Direction::InOut});
  rule.priority = dice.one_of({500, 500, 500, 100, -100, 700});
  rule.statematch = !dice.chance(20);
  rule.protocol = static_cast<Protocol>(dice.below(kProtocolCount));
  std::vector<const FieldRow*> rows;
  for (const FieldRow& row : field_rows())
    if ((row.protocols & bit(rule.protocol)) != 0 && usable(row)) rows.push_back(&row);
  if (rows.empty()) return rule;
  const bool negated = dice.chance(15);
  for (std::size_t i = 0, count = dice.below(4); i < count; ++i) {
    const FieldRow& row = *dice.from(rows);
    if (row.role != Role::Value) add_attribute(rule, row_of(row.base), negated, dice);
    add_attribute(rule, row, negated, dice);
  }
  for (Attribute& attribute : rule.attributes) {
    const FieldRow& row = row_of(attribute.field);
    auto* end = std::get_if<Literal>(&attribute.value);
    if (row.role != Role::RangeEnd || end == nullptr) continue;
    auto& base = *std::find_if(rule.attributes.begin(), rule.attributes.end(),
                               [&](const Attribute& a) { return a.field == row.base; });
    if (auto* start = std::get_if<Literal>(&base.value); start == nullptr)
      base.value = *end;
    else if (start->bytes > end->bytes)
      std::swap(*start, *end);
  }
  // Ports need a protocol that has them.
  const bool ethernet_ip = rule.protocol == Protocol::Ip || rule.protocol == Protocol::Ipv6;
  if (ethernet_ip) {
    const auto add = [&](const char* text) {
      std::erase_if(rule.attributes, [](const Attribute& a) { return a.field == Field::IpProtocol; });
      const FieldRow& row = row_of(Field::IpProtocol);
      auto value = parse_operand(row.kind, text, true);
      const auto place = std::lower_bound(rule.attributes.begin(), rule.attributes.end(), row.field,
                                          [](const Attribute& a, Field field) { return a.field < field; });
      rule.attributes.insert(place, {row.field, negated, std::move(*value), {}});
    };
    if (rule.find(Field::IcmpType) != nullptr || rule.find(Field::IcmpCode) != nullptr)
      add("icmpv6");
    else if (rule.find(Field::SrcPortStart) != nullptr || rule.find(Field::DstPortStart) != nullptr)
      add(dice.one_of({"tcp", "udp"}));
  }
  return rule;
}

}  // namespace

Tree random_tree(Dice& dice) {
  Tree tree;
  const std::size_t count = 1 + dice.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    Filter filter;
    filter.name = i == 0 ? "root" : fmt::format("part{}", i);
    if (i > 0 || dice.chance(30))
      filter.chain = dice.one_of({"root", "root", "mac", "ipv4", "ipv4-x", "ipv6", "arp", "rarp", "vlan", "stp"});
    if (dice.chance(30)) filter.priority = dice.one_of({-900, -650, 0, 300, 800});
    for (std::size_t r = 0, rules = 1 + dice.below(6); r < rules; ++r) filter.entries.emplace_back(random_rule(dice));
    // Where nothing decides everything passes; an end that stops the rest makes the rules before it count.
    if (dice.chance(40)) {
      FilterRule last;
      last.action = dice.one_of({Action::Drop, Action::Drop, Action::Reject});
      last.direction = dice.one_of({Direction::In, Direction::Out, Direction::InOut});
      last.priority = 900;
      last.protocol = dice.one_of({Protocol::None, Protocol::All, Protocol::AllIpv6, Protocol::Ip, Protocol::Arp});
      filter.entries.emplace_back(std::move(last));
    }
    tree.filters.push_back(std::move(filter));
  }
  // Every filter but the root is referred to by one before it, so there is no circle.
  for (std::size_t i = 1; i < count; ++i) {
    FilterRef ref;
    ref.filter = tree.filters[i].name;
    if (dice.chance(25)) ref.parameters["PORT"] = {dice.from(pool::kPorts)};
    auto& entries = tree.filters[dice.below(i)].entries;
    entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(dice.below(entries.size() + 1)), std::move(ref));
  }
  const auto values = [&](const std::vector<std::string>& from) {
    std::vector<std::string> list;
    for (std::size_t i = 0, n = dice.chance(60) ? 1 : 2; i < n; ++i) list.push_back(dice.from(from));
    return list;
  };
  tree.variables = {{"IP", values(pool::kIpv4)}, {"IPV6", values(pool::kIpv6)}, {"PORT", values(pool::kPorts)}};
  return tree;
}

}  // namespace nwf::test
