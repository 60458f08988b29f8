// SPDX-License-Identifier: GPL-2.0-or-later
// Programs as text, for golden tests: a line for each chain, indented one for each of its entries.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdexcept>

#include "engine/model/rule_for_tests.h"
#include "engine/program/compile.h"
#include "engine/program/packet_field.h"

namespace nwf::for_tests {

inline std::string text(const PacketField& field) {
  static const std::vector<std::pair<PacketField, std::string_view>> kNames = {
      {ether_type_field(), "type"},
      {l4proto_field(), "l4proto"},
      {packet_field(Field::SrcMac, Protocol::Mac), "smac"},
      {packet_field(Field::DstMac, Protocol::Mac), "dmac"},
      {packet_field(Field::SrcIp4, Protocol::Ip), "sip"},
      {packet_field(Field::DstIp4, Protocol::Ip), "dip"},
      {packet_field(Field::SrcIp6, Protocol::Ipv6), "sip6"},
      {packet_field(Field::IpProtocol, Protocol::Ip), "proto"},
      {packet_field(Field::DstPortStart, Protocol::Tcp), "dport"},
      {packet_field(Field::SrcPortStart, Protocol::Tcp), "sport"},
      {packet_field(Field::ArpOpcode, Protocol::Arp), "arpop"},
  };
  PacketField plain = field;
  plain.mask.clear();
  std::string name = fmt::format("{}+{}/{}", static_cast<int>(field.base), field.offset, field.length);
  for (const auto& [known, its_name] : kNames)
    if (known == plain) name = its_name;
  return field.mask.empty() ? name : fmt::format("{}&{:02x}", name, fmt::join(field.mask, ""));
}

inline std::string text(const Test& test) {
  const auto no = [](bool negated) { return negated ? "!" : ""; };
  if (const auto* compare = std::get_if<test::Compare>(&test))
    return fmt::format("{}{}={:02x}", no(compare->negated), text(compare->field), fmt::join(compare->value, ""));
  if (const auto* range = std::get_if<test::Range>(&test))
    return fmt::format("{}{}={:02x}-{:02x}", no(range->negated), text(range->field), fmt::join(range->low, ""),
                       fmt::join(range->high, ""));
  if (const auto* any = std::get_if<test::OneOf>(&test)) {
    std::vector<std::string> values;
    for (const Bytes& value : any->values) values.push_back(fmt::format("{:02x}", fmt::join(value, "")));
    return fmt::format("{}={{{}}}", text(any->field), fmt::join(values, ","));
  }
  if (const auto* member = std::get_if<test::Member>(&test)) {
    std::vector<std::string> fields, columns;
    for (const PacketField& field : member->fields) fields.push_back(text(field));
    for (const ValueColumn& column : member->set.columns) columns.push_back(column.variable.text());
    return fmt::format("{}{} in {}", no(member->negated), fmt::join(fields, "."), fmt::join(columns, "."));
  }
  if (const auto* connection = std::get_if<test::Connection>(&test))
    return fmt::format("ct={}/{}", connection->states, static_cast<int>(connection->direction));
  if (const auto* gratuitous = std::get_if<test::GratuitousArp>(&test))
    return fmt::format("{}gratuitous", no(gratuitous->negated));
  if (const auto* limit = std::get_if<test::ConnectionLimit>(&test)) return fmt::format("over={}", limit->above);
  return fmt::format("option={}", std::get<test::TcpOption>(test).kind);
}

inline std::string text(const Flow& flow, bool origins = false) {
  std::string out;
  for (const ProgramChain& chain : flow.chains) {
    out += chain.name + (chain.guard ? " if " + text(*chain.guard) : "") + "\n";
    for (const ProgramEntry& entry : chain.entries) {
      if (const auto* target = std::get_if<std::size_t>(&entry.what)) {
        out += "  >" + flow.chains.at(*target).name + "\n";
        continue;
      }
      const auto& rule = std::get<ProgramRule>(entry.what);
      out += "  ";
      for (const Test& test : rule.tests) out += text(test) + " ";
      out += action_name(rule.action);
      if (origins) out += " <- " + rule.origin;
      out += "\n";
    }
  }
  return out;
}

/// The filter `top` for a port with a MAC and the given variables, not optimised.
inline Program program_of(const Filters& filters, Variables variables = {}) {
  variables["MAC"] = {"52:54:00:00:00:01"};
  auto program = compile(filters.at("top"), filters, variables);
  if (!program) throw std::logic_error(describe(program.error()));
  return *std::move(program);
}

constexpr std::size_t kEtherOut = flow_index(Layer::Ethernet, Direction::Out);
constexpr std::size_t kEtherIn = flow_index(Layer::Ethernet, Direction::In);
constexpr std::size_t kInetOut = flow_index(Layer::Inet, Direction::Out);

/// The stock filters no-mac-spoofing and no-ip-spoofing, with what lets a guest speak IPv4 and ARP and nothing else.
inline Filters spoofing_filters() {
  Filter mac = filter("mac",
                      {rule(Action::Return, Direction::Out, Protocol::Mac, {{"srcmacaddr", "$MAC"}}),
                       rule(Action::Drop, Direction::Out, Protocol::Mac)},
                      "mac");
  mac.priority = -800;
  Filter ip = filter(
      "ip",
      {with_priority(
           rule(Action::Return, Direction::Out, Protocol::Ip, {{"srcipaddr", "0.0.0.0"}, {"protocol", "udp"}}), 100),
       rule(Action::Return, Direction::Out, Protocol::Ip, {{"srcipaddr", "$IP"}}),
       with_priority(rule(Action::Drop, Direction::Out), 1000)},
      "ipv4-ip");
  ip.priority = -710;
  return Filters{
      filter("top",
             {reference("mac"), reference("ip"),
              with_priority(rule(Action::Accept, Direction::InOut, Protocol::Mac, {{"protocolid", "ipv4"}}), -650),
              with_priority(rule(Action::Accept, Direction::InOut, Protocol::Mac, {{"protocolid", "arp"}}), -500),
              with_priority(rule(Action::Drop, Direction::InOut), 1000)}),
      mac, ip};
}

}  // namespace nwf::for_tests
