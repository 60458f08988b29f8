// SPDX-License-Identifier: GPL-2.0-or-later
// The ethernet layer's tests as ebtables' matches.
#include <fmt/format.h>

#include <utility>

#include "engine/legacy/decode.h"
#include "engine/program/packet_field.h"

namespace nwf::legacy {
namespace {

Masked masked(const test::Compare& compare) {
  return {compare.value, compare.field.mask.empty() ? Bytes(compare.value.size(), 0xff) : compare.field.mask,
          compare.negated};
}

Number number(const test::Compare& compare) {
  return {static_cast<std::uint32_t>(to_number(compare.value)), compare.negated};
}

class EthernetDecoder {
 public:
  explicit EthernetDecoder(const ProgramRule& rule) : rule_(rule) {}

  Result<std::vector<EthernetRule>> run(const std::vector<Test>& tests) {
    for (const Test& test : tests) kind_of(test);
    for (const Test& test : tests) NWF_CHECK(std::visit([&](const auto& of) { return add(of); }, test));
    if (arp_ != match::EbArp{}) out_.matches.emplace_back(arp_);
    if (vlan_ != match::EbVlan{}) out_.matches.emplace_back(vlan_);
    if (stp_ != match::EbStp{}) out_.matches.emplace_back(stp_);
    // Type and code are one match and negated as one. A program says the same in two rules, one behind the other:
    // another type; this type and another code. The second is said whole here, which the first changes nothing of.
    if (ip_.icmp_code && ip_.icmp_type) ip_.icmp_type->negated = std::exchange(ip_.icmp_code->negated, false);
    if (ip_ != match::EbIp{ipv6_, {}, {}, {}, {}, {}, {}, {}, {}}) out_.matches.emplace_back(ip_);
    out_.origin = {rule_.origin};
    return std::vector<EthernetRule>{out_};
  }

 private:
  enum class Kind { Other, Ip, Arp, Vlan, Stp };

  Result<void> cannot(std::string_view what) const {
    return fail({ErrorKind::Unsupported,
                 fmt::format("{}: ebtables has no match for {}", rule_.origin, what),
                 rule_.source,
                 "use the nftables backend for this filter",
                 {}});
  }

  template <class T>
  Result<void> put(std::optional<T>& slot, T value) {
    if (slot) return cannot("two tests of one field");
    slot = std::move(value);
    return {};
  }

  void kind_of(const Test& test) {
    if (std::holds_alternative<test::GratuitousArp>(test)) says_protocol_type_ = true;
    const auto* compare = std::get_if<test::Compare>(&test);
    if (compare == nullptr) return;
    if (compare->field.base == PayloadBase::Network && compare->field.length == 6 && compare->field.offset >= 8)
      says_hardware_type_ = true;
    if (compare->field.base == PayloadBase::Network && compare->field.length == 4) says_protocol_type_ = true;
    if (compare->negated) return;
    if (compare->field == ether_type_field()) {
      const auto type = to_number(compare->value);
      if (type == ethertype::kIpv4 || type == ethertype::kIpv6) kind_ = Kind::Ip;
      if (type == ethertype::kArp || type == ethertype::kRarp) kind_ = Kind::Arp;
      if (type == ethertype::kVlan) kind_ = Kind::Vlan;
      ip_.ipv6 = ipv6_ = type == ethertype::kIpv6;
    } else if (compare->field == stp_header_field()) {
      kind_ = Kind::Stp;
    }
  }

  Result<void> add(const test::Compare& compare) {
    const PacketField& at = compare.field;
    if (at.l4proto) return put(ip_.protocol, number(compare));
    if (at.base == PayloadBase::Link) return add_link(compare);
    if (at.base == PayloadBase::Transport) return add_range({at, compare.value, compare.value, compare.negated});
    switch (kind_) {
      case Kind::Ip:
        return add_ip(compare);
      case Kind::Arp:
        return add_arp(compare);
      case Kind::Stp:
        return add_stp(compare);
      default:
        return cannot("what is behind this frame's header");
    }
  }

  Result<void> add_link(const test::Compare& compare) {
    switch (compare.field.offset) {
      case 0:
        return put(out_.destination, masked(compare));
      case 6:
        return put(out_.source, masked(compare));
      case 12:
        return put(out_.protocol, number(compare));
      case 14:
        return put(vlan_.id, number(compare));
      case 16:
        return put(vlan_.encapsulated, number(compare));
      default:
        return cannot("this part of the frame's header");
    }
  }

  Result<void> add_ip(const test::Compare& compare) {
    const std::uint32_t at = compare.field.offset;
    if (at == (ipv6_ ? 8 : 12)) return put(ip_.source, masked(compare));
    if (at == (ipv6_ ? 24 : 16)) return put(ip_.destination, masked(compare));
    if (!ipv6_ && at == 9) return put(ip_.protocol, number(compare));
    if (!ipv6_ && at == 1) return put(ip_.traffic_class, number(compare));
    return cannot("this part of the IP header");
  }

  Result<void> add_arp(const test::Compare& compare) {
    switch (compare.field.offset) {
      // The match looks at the addresses' kinds and lengths itself where it looks at addresses: a program says so
      // first.
      case 0:
        if (std::exchange(says_hardware_type_, false)) return {};
        return put(arp_.hardware_type, number(compare));
      case 2:
        if (std::exchange(says_protocol_type_, false)) return {};
        return put(arp_.protocol_type, number(compare));
      case 4:
      case 5:
        return {};
      case 6:
        return put(arp_.opcode, number(compare));
      case 8:
        return put(arp_.source_mac, masked(compare));
      case 14:
        return put(arp_.source_ip, masked(compare));
      case 18:
        return put(arp_.target_mac, masked(compare));
      case 24:
        return put(arp_.target_ip, masked(compare));
      default:
        return cannot("this part of the ARP packet");
    }
  }

  Result<void> add_stp(const test::Compare& compare) {
    switch (compare.field.offset) {
      case 0:  // the match looks at the head itself
        return {};
      case 5:
        return put(stp_.type, number(compare));
      case 6:
        return put(stp_.flags, number(compare));
      case 9:
        return put(stp_.root_address, masked(compare));
      case 21:
        return put(stp_.sender_address, masked(compare));
      default:
        return add_range({compare.field, compare.value, compare.value, compare.negated});
    }
  }

  Result<void> add_range(const test::Range& range) {
    const auto low = static_cast<std::uint32_t>(to_number(range.low)),
               high = static_cast<std::uint32_t>(to_number(range.high));
    if (range.field.base == PayloadBase::Transport) {
      if (range.field.length == 1) {
        const Span<std::uint8_t> span{static_cast<std::uint8_t>(low), static_cast<std::uint8_t>(high), range.negated};
        if (range.field.offset == 0) return put(ip_.icmp_type, span);
        return put(ip_.icmp_code, span);
      }
      const match::Ports span{static_cast<std::uint16_t>(low), static_cast<std::uint16_t>(high), range.negated};
      return put(range.field.offset == 0 ? ip_.source_ports : ip_.target_ports, span);
    }
    const Span<std::uint32_t> span{low, high, range.negated};
    if (kind_ != Kind::Stp || range.field.base != PayloadBase::Network) return cannot("a range of this field");
    switch (range.field.offset) {
      case 7:
        return put(stp_.root_priority, span);
      case 15:
        return put(stp_.root_cost, span);
      case 19:
        return put(stp_.sender_priority, span);
      case 27:
        return put(stp_.port, span);
      case 29:
        return put(stp_.message_age, span);
      case 31:
        return put(stp_.max_age, span);
      case 33:
        return put(stp_.hello_time, span);
      case 35:
        return put(stp_.forward_delay, span);
      default:
        return cannot("this part of the BPDU");
    }
  }

  Result<void> add(const test::Range& range) { return add_range(range); }
  Result<void> add(const test::GratuitousArp& gratuitous) { return put(arp_.gratuitous, !gratuitous.negated); }
  Result<void> add(const test::OneOf&) { return cannot("a set of values"); }
  Result<void> add(const test::Member&) { return cannot("a port's set of values"); }
  Result<void> add(const test::Connection&) { return cannot("connections"); }
  Result<void> add(const test::TcpOption&) { return cannot("TCP options"); }
  Result<void> add(const test::ConnectionLimit&) { return cannot("connections"); }
  Result<void> add(const test::Ipset&) { return cannot("ipsets"); }

  const ProgramRule& rule_;
  EthernetRule out_;
  Kind kind_ = Kind::Other;
  bool ipv6_ = false;
  bool says_hardware_type_ = false, says_protocol_type_ = false;
  match::EbIp ip_;
  match::EbArp arp_;
  match::EbVlan vlan_;
  match::EbStp stp_;
};

}  // namespace

Result<std::vector<EthernetRule>> ethernet_rules(const ProgramRule& rule, const PortName& port,
                                                 const Variables& variables) {
  NWF_TRY(const auto lists, with_values(rule, port, variables));
  std::vector<EthernetRule> rules;
  for (const auto& tests : lists) {
    NWF_TRY(auto more, EthernetDecoder(rule).run(tests));
    for (EthernetRule& one : more) rules.push_back(std::move(one));
  }
  return rules;
}

EthernetRule guard_rule(const test::Compare& guard) {
  EthernetRule rule;
  if (guard.field == ether_type_field())
    rule.protocol = number(guard);
  else
    rule.destination = masked(guard);
  return rule;
}

}  // namespace nwf::legacy
