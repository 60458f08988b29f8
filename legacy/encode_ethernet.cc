// SPDX-License-Identifier: GPL-2.0-or-later
#include "legacy/encode_ethernet.h"

#include <fmt/format.h>

#include <cstddef>

#include "legacy/bytes.h"
#include "legacy/ebtables_header.h"

namespace nwf::legacy {
namespace {

std::uint16_t network_order(std::uint32_t number) { return htons(static_cast<std::uint16_t>(number)); }

template <class Mask>
void set(Mask& mask, unsigned bit) {
  mask = static_cast<Mask>(mask | bit);
}

/// Notes that a field is asked for, and whether the other way round.
template <class Info>
void note(Info& info, unsigned bit, bool negated) {
  set(info.bitmask, bit);
  if (negated) set(info.invflags, bit);
}

template <class Info, class Address>
void set_masked(const std::optional<Masked>& from, Info& info, Address& address, Address& mask, unsigned bit) {
  if (!from) return;
  copy_bytes(from->value, address);
  copy_bytes(from->mask, mask);
  note(info, bit, from->negated);
}

template <class Info, class T, class To>
void set_span(const std::optional<Span<T>>& from, Info& info, To& low, To& high, unsigned bit) {
  if (!from) return;
  low = static_cast<To>(from->low);
  high = static_cast<To>(from->high);
  note(info, bit, from->negated);
}

template <class Info>
void append_match(std::string_view name, const Info& info, Bytes& to) {
  Blank<ebt_entry_match> head_room;
  auto& head = head_room.get();
  copy_name(name, head.u.name);
  head.match_size = static_cast<unsigned>(aligned(sizeof(info)));
  append(head, to);
  append(info, to);
  align(to);
}

struct EthernetMatchEncoder {
  Bytes& to;

  void operator()(const match::EbIp& of) const {
    if (of.ipv6) {
      Blank<ebt_ip6_info> info_room;
      auto& info = info_room.get();
      fill(of, info, info.tclass, EBT_IP6_TCLASS);
      if (of.icmp_type) {
        const Span<std::uint8_t> codes = of.icmp_code.value_or(Span<std::uint8_t>{0, 255, false});
        info.icmpv6_type[0] = of.icmp_type->low;
        info.icmpv6_type[1] = of.icmp_type->high;
        info.icmpv6_code[0] = codes.low;
        info.icmpv6_code[1] = codes.high;
        note(info, EBT_IP6_ICMP6, of.icmp_type->negated);
      }
      append_match(EBT_IP6_MATCH, info, to);
      return;
    }
    Blank<ebt_ip_info> info_room;
    auto& info = info_room.get();
    fill(of, info, info.tos, EBT_IP_TOS);
    append_match(EBT_IP_MATCH, info, to);
  }
  void operator()(const match::EbArp& of) const {
    Blank<ebt_arp_info> info_room;
    auto& info = info_room.get();
    const auto number = [&](const std::optional<Number>& from, std::uint16_t& field, unsigned bit) {
      if (!from) return;
      field = network_order(from->value);
      note(info, bit, from->negated);
    };
    number(of.opcode, info.opcode, EBT_ARP_OPCODE);
    number(of.hardware_type, info.htype, EBT_ARP_HTYPE);
    number(of.protocol_type, info.ptype, EBT_ARP_PTYPE);
    set_masked(of.source_ip, info, info.saddr, info.smsk, EBT_ARP_SRC_IP);
    set_masked(of.target_ip, info, info.daddr, info.dmsk, EBT_ARP_DST_IP);
    set_masked(of.source_mac, info, info.smaddr, info.smmsk, EBT_ARP_SRC_MAC);
    set_masked(of.target_mac, info, info.dmaddr, info.dmmsk, EBT_ARP_DST_MAC);
    if (of.gratuitous) note(info, EBT_ARP_GRAT, !*of.gratuitous);
    append_match(EBT_ARP_MATCH, info, to);
  }
  void operator()(const match::EbVlan& of) const {
    Blank<ebt_vlan_info> info_room;
    auto& info = info_room.get();
    if (of.id) {
      info.id = static_cast<std::uint16_t>(of.id->value);
      note(info, EBT_VLAN_ID, of.id->negated);
    }
    if (of.encapsulated) {
      info.encap = network_order(of.encapsulated->value);
      note(info, EBT_VLAN_ENCAP, of.encapsulated->negated);
    }
    append_match(EBT_VLAN_MATCH, info, to);
  }
  void operator()(const match::EbStp& of) const {
    Blank<ebt_stp_info> info_room;
    auto& info = info_room.get();
    ebt_stp_config_info& c = info.config;
    if (of.type) {
      info.type = static_cast<std::uint8_t>(of.type->value);
      note(info, EBT_STP_TYPE, of.type->negated);
    }
    if (of.flags) {
      c.flags = static_cast<std::uint8_t>(of.flags->value);
      note(info, EBT_STP_FLAGS, of.flags->negated);
    }
    set_span(of.root_priority, info, c.root_priol, c.root_priou, EBT_STP_ROOTPRIO);
    set_masked(of.root_address, info, c.root_addr, c.root_addrmsk, EBT_STP_ROOTADDR);
    set_span(of.root_cost, info, c.root_costl, c.root_costu, EBT_STP_ROOTCOST);
    set_span(of.sender_priority, info, c.sender_priol, c.sender_priou, EBT_STP_SENDERPRIO);
    set_masked(of.sender_address, info, c.sender_addr, c.sender_addrmsk, EBT_STP_SENDERADDR);
    set_span(of.port, info, c.portl, c.portu, EBT_STP_PORT);
    set_span(of.message_age, info, c.msg_agel, c.msg_ageu, EBT_STP_MSGAGE);
    set_span(of.max_age, info, c.max_agel, c.max_ageu, EBT_STP_MAXAGE);
    set_span(of.hello_time, info, c.hello_timel, c.hello_timeu, EBT_STP_HELLOTIME);
    set_span(of.forward_delay, info, c.forward_delayl, c.forward_delayu, EBT_STP_FWDD);
    append_match(EBT_STP_MATCH, info, to);
  }

 private:
  /// What both versions of IP have; their bits have the same values (ebt_ip.h, ebt_ip6.h).
  template <class Info>
  static void fill(const match::EbIp& of, Info& info, std::uint8_t& traffic_class, unsigned class_bit) {
    static_assert(EBT_IP_SOURCE == EBT_IP6_SOURCE && EBT_IP_DEST == EBT_IP6_DEST && EBT_IP_PROTO == EBT_IP6_PROTO);
    static_assert(EBT_IP_SPORT == EBT_IP6_SPORT && EBT_IP_DPORT == EBT_IP6_DPORT);
    set_masked(of.source, info, info.saddr, info.smsk, EBT_IP_SOURCE);
    set_masked(of.destination, info, info.daddr, info.dmsk, EBT_IP_DEST);
    if (of.traffic_class) {
      traffic_class = static_cast<std::uint8_t>(of.traffic_class->value);
      note(info, class_bit, of.traffic_class->negated);
    }
    if (of.protocol) {
      info.protocol = static_cast<std::uint8_t>(of.protocol->value);
      note(info, EBT_IP_PROTO, of.protocol->negated);
    }
    set_span(of.source_ports, info, info.sport[0], info.sport[1], EBT_IP_SPORT);
    set_span(of.target_ports, info, info.dport[0], info.dport[1], EBT_IP_DPORT);
  }
};

}  // namespace

Result<EncodedRule> encode(const EthernetRule& rule) {
  if (rule.target.size() > kMaxEthernetChainName)
    return fail(ErrorKind::Invalid, fmt::format("the name of chain '{}' is longer than ebtables' {} bytes", rule.target,
                                                kMaxEthernetChainName));
  EncodedRule out;
  Blank<ebt_entry> entry_room;
  auto& entry = entry_room.get();
  entry.bitmask = EBT_ENTRY_OR_ENTRIES;
  if (!rule.protocol) entry.bitmask |= EBT_NOPROTO;
  if (rule.protocol) {
    entry.ethproto = network_order(rule.protocol->value);
    if (rule.protocol->negated) entry.invflags |= EBT_IPROTO;
  }
  copy_name(rule.in, entry.in);
  copy_name(rule.out, entry.out);
  const auto address = [&](const std::optional<Masked>& from, unsigned char(&to)[ETH_ALEN],
                           unsigned char(&mask)[ETH_ALEN], unsigned bit, unsigned inverted) {
    if (!from) return;
    copy_bytes(from->value, to);
    copy_bytes(from->mask, mask);
    entry.bitmask |= bit;
    if (from->negated) entry.invflags |= inverted;
  };
  address(rule.source, entry.sourcemac, entry.sourcemsk, EBT_SOURCEMAC, EBT_ISOURCE);
  address(rule.destination, entry.destmac, entry.destmsk, EBT_DESTMAC, EBT_IDEST);
  append(entry, out.bytes);
  for (const EthernetMatch& match : rule.matches) std::visit(EthernetMatchEncoder{out.bytes}, match);
  write_at(static_cast<unsigned>(out.bytes.size()), offsetof(ebt_entry, watchers_offset), out.bytes);
  write_at(static_cast<unsigned>(out.bytes.size()), offsetof(ebt_entry, target_offset), out.bytes);
  out.target = rule.target;
  out.image = ethernet_image(out.bytes, rule.target, {});
  return out;
}

}  // namespace nwf::legacy
