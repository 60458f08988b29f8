// SPDX-License-Identifier: GPL-2.0-or-later
#include "legacy/encode_ip.h"

#include <fmt/format.h>

#include <cstddef>

#include "engine/program/program.h"
#include "legacy/bytes.h"
#include "legacy/ipset.h"
#include "legacy/iptables_headers.h"

namespace nwf::legacy {
namespace {

/// linux/netfilter/xt_sctp.h: struct xt_sctp_info, which no C++ compiler takes.
struct SctpInfo {
  std::uint16_t dpts[2];
  std::uint16_t spts[2];
  std::uint32_t chunkmap[256 / sizeof(std::uint32_t)];
  std::uint32_t chunk_match_type;
  struct {
    std::uint8_t chunktype, flag, flag_mask;
  } flag_info[4];
  int flag_count;
  std::uint32_t flags;
  std::uint32_t invflags;
};
constexpr std::uint32_t kSctpSourcePorts = 1, kSctpTargetPorts = 2;

/// A match or target as it lies in a rule: head, what it is told, filled up. struct xt_entry_match and struct
/// xt_entry_target are laid out alike.
void append_part(std::string_view name, std::uint8_t revision, Bytes info, Bytes& to) {
  align(info);
  Blank<xt_entry_match> head_room;
  auto& head = head_room.get();
  head.u.user.match_size = static_cast<std::uint16_t>(sizeof(head) + info.size());
  copy_name(name, head.u.user.name);
  head.u.user.revision = revision;
  append(head, to);
  to.insert(to.end(), info.begin(), info.end());
}

template <class Info>
Bytes bytes_of(const Info& info) {
  Bytes bytes;
  append(info, bytes);
  return bytes;
}

/// The kernel compares under the mask; a whole name is compared with its final zero.
void set_interface(const std::string& name, char (&to)[IFNAMSIZ], unsigned char* mask) {
  if (name.empty()) return;
  copy_name(name, to);
  std::fill_n(mask, std::min<std::size_t>(name.size() + 1, IFNAMSIZ), static_cast<unsigned char>(0xff));
}

/// linux/netfilter/xt_conntrack.h counts the bits of ctinfo from 1.
std::uint16_t state_mask(std::uint8_t states) {
  unsigned mask = 0;
  if ((states & kConnInvalid) != 0) mask |= XT_CONNTRACK_STATE_INVALID;
  if ((states & kConnNew) != 0) mask |= XT_CONNTRACK_STATE_BIT(IP_CT_NEW);
  if ((states & kConnRelated) != 0) mask |= XT_CONNTRACK_STATE_BIT(IP_CT_RELATED);
  if ((states & kConnEstablished) != 0) mask |= XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED);
  return static_cast<std::uint16_t>(mask);
}

template <class Info>
void set_ports(const std::optional<match::Ports>& source, const std::optional<match::Ports>& target, Info& info,
               std::uint8_t source_inverted, std::uint8_t target_inverted) {
  constexpr std::uint16_t kLast = 0xffff;
  const auto set = [&](const std::optional<match::Ports>& ports, std::uint16_t(&to)[2], std::uint8_t inverted) {
    to[0] = ports ? ports->low : std::uint16_t{0};
    to[1] = ports ? ports->high : kLast;
    if (ports && ports->negated) info.invflags = static_cast<std::uint8_t>(info.invflags | inverted);
  };
  set(source, info.spts, source_inverted);
  set(target, info.dpts, target_inverted);
}

class MatchEncoder {
 public:
  MatchEncoder(bool ipv6, Bytes& to) : ipv6_(ipv6), to_(to) {}

  Result<void> operator()(const match::Physdev& of) {
    Blank<xt_physdev_info> info_room;
    auto& info = info_room.get();
    const auto set = [&](const std::string& name, char(&device)[IFNAMSIZ], char* mask, std::uint8_t op) {
      if (name.empty()) return;
      set_interface(name, device, reinterpret_cast<unsigned char*>(mask));
      info.bitmask = static_cast<std::uint8_t>(info.bitmask | op);
    };
    set(of.in, info.physindev, info.in_mask, XT_PHYSDEV_OP_IN);
    set(of.out, info.physoutdev, info.out_mask, XT_PHYSDEV_OP_OUT);
    if (of.bridged) info.bitmask = static_cast<std::uint8_t>(info.bitmask | XT_PHYSDEV_OP_BRIDGED);
    return add("physdev", 0, info);
  }
  Result<void> operator()(const match::State& of) {
    Blank<xt_conntrack_mtinfo3> info_room;
    auto& info = info_room.get();
    info.match_flags = XT_CONNTRACK_STATE;
    info.state_mask = state_mask(of.states);
    return add("conntrack", 3, info);
  }
  Result<void> operator()(const match::CtDirection& of) {
    Blank<xt_conntrack_mtinfo3> info_room;
    auto& info = info_room.get();
    info.match_flags = XT_CONNTRACK_DIRECTION;
    if (of.reply) info.invert_flags = XT_CONNTRACK_DIRECTION;
    return add("conntrack", 3, info);
  }
  Result<void> operator()(const match::IpRange& of) {
    Blank<xt_iprange_mtinfo> info_room;
    auto& info = info_room.get();
    if (of.source) {
      copy_bytes(of.source->low, info.src_min);
      copy_bytes(of.source->high, info.src_max);
      info.flags = static_cast<std::uint8_t>(IPRANGE_SRC | (of.source->negated ? IPRANGE_SRC_INV : 0));
    }
    if (of.target) {
      copy_bytes(of.target->low, info.dst_min);
      copy_bytes(of.target->high, info.dst_max);
      info.flags = static_cast<std::uint8_t>(info.flags | IPRANGE_DST | (of.target->negated ? IPRANGE_DST_INV : 0));
    }
    return add("iprange", 1, info);
  }
  Result<void> operator()(const match::MacSource& of) {
    Blank<xt_mac_info> info_room;
    auto& info = info_room.get();
    std::ranges::copy(of.mac.bytes, info.srcaddr);
    info.invert = of.negated ? 1 : 0;
    return add("mac", 0, info);
  }
  Result<void> operator()(const match::Dscp& of) {
    return add("dscp", 0, xt_dscp_info{of.value, static_cast<std::uint8_t>(of.negated)});
  }
  Result<void> operator()(const match::Tcp& of) {
    Blank<xt_tcp> info_room;
    auto& info = info_room.get();
    set_ports(of.source, of.target, info, XT_TCP_INV_SRCPT, XT_TCP_INV_DSTPT);
    if (of.flags) {
      info.flg_mask = (*of.flags)[0];
      info.flg_cmp = (*of.flags)[1];
      if (of.flags_negated) info.invflags = static_cast<std::uint8_t>(info.invflags | XT_TCP_INV_FLAGS);
    }
    if (of.option) {
      info.option = static_cast<std::uint8_t>(of.option->value);
      if (of.option->negated) info.invflags = static_cast<std::uint8_t>(info.invflags | XT_TCP_INV_OPTION);
    }
    return add("tcp", 0, info);
  }
  Result<void> operator()(const match::Udp& of) {
    Blank<xt_udp> info_room;
    auto& info = info_room.get();
    set_ports(of.source, of.target, info, XT_UDP_INV_SRCPT, XT_UDP_INV_DSTPT);
    return add("udp", 0, info);
  }
  Result<void> operator()(const match::Sctp& of) {
    Blank<SctpInfo> info_room;
    auto& info = info_room.get();
    const auto set = [&](const std::optional<match::Ports>& ports, std::uint16_t(&to)[2], std::uint32_t flag) {
      to[1] = 0xffff;
      if (!ports) return;
      to[0] = ports->low;
      to[1] = ports->high;
      info.flags |= flag;
      if (ports->negated) info.invflags |= flag;
    };
    set(of.source, info.spts, kSctpSourcePorts);
    set(of.target, info.dpts, kSctpTargetPorts);
    return add("sctp", 0, info);
  }
  Result<void> operator()(const match::Icmp& of) {
    if (ipv6_) {
      Blank<ip6t_icmp> info_room;
      auto& info = info_room.get();
      info.type = of.type;
      info.code[0] = of.code_low;
      info.code[1] = of.code_high;
      info.invflags = of.negated ? IP6T_ICMP_INV : 0;
      return add("icmp6", 0, info);
    }
    Blank<ipt_icmp> info_room;
    auto& info = info_room.get();
    info.type = of.type;
    info.code[0] = of.code_low;
    info.code[1] = of.code_high;
    info.invflags = of.negated ? IPT_ICMP_INV : 0;
    return add("icmp", 0, info);
  }
  Result<void> operator()(const match::AuthHeader&) {
    Blank<ip6t_ah> info_room;
    auto& info = info_room.get();
    info.spis[1] = 0xffffffff;
    return add("ah", 0, info);
  }
  Result<void> operator()(const match::ConnLimit& of) {
    Blank<xt_connlimit_info> info_room;
    auto& info = info_room.get();
    std::memset(&info.mask, 0xff, ipv6_ ? 16 : 4);
    info.limit = of.above;
    if (of.negated) info.flags = XT_CONNLIMIT_INVERT;
    return add("connlimit", 1, info);
  }
  Result<void> operator()(const match::InSet& of) {
    // The revision that iptables takes, which lists no other (Linux 3.19).
    Blank<xt_set_info_match_v4> info_room;
    auto& info = info_room.get();
    NWF_TRY(info.match_set.index, ipset_index(of.name));
    info.match_set.dim = static_cast<std::uint8_t>(of.target.size());
    if (of.negated) info.match_set.flags = IPSET_INV_MATCH;
    // Bit 0 of the flags is the inversion; a dimension's bit says source (em_ipset and iptables' libxt_set.h).
    for (std::size_t i = 0; i < of.target.size(); ++i)
      if (!of.target[i]) info.match_set.flags = static_cast<std::uint8_t>(info.match_set.flags | 1U << (i + 1));
    return add("set", 4, info);
  }
  Result<void> operator()(const match::Comment& of) {
    Blank<xt_comment_info> info_room;
    auto& info = info_room.get();
    copy_name(of.text, info.comment);
    return add("comment", 0, info);
  }

 private:
  template <class Info>
  Result<void> add(std::string_view name, std::uint8_t revision, const Info& info) {
    append_part(name, revision, bytes_of(info), to_);
    return {};
  }
  const bool ipv6_;
  Bytes& to_;
};

/// The range that a translation takes addresses and ports from.
Bytes nat_range(const std::optional<Span<IpAddress>>& addresses, const std::optional<Span<std::uint16_t>>& ports,
                bool ipv6) {
  const auto port = [](std::uint16_t number) { return htons(number); };
  const unsigned flags = (addresses ? NF_NAT_RANGE_MAP_IPS : 0U) | (ports ? NF_NAT_RANGE_PROTO_SPECIFIED : 0U);
  if (ipv6) {
    Blank<nf_nat_range> range_room;
    auto& range = range_room.get();
    range.flags = flags;
    if (addresses) {
      copy_bytes(addresses->low.bytes(), range.min_addr);
      copy_bytes(addresses->high.bytes(), range.max_addr);
    }
    if (ports) {
      range.min_proto.all = port(ports->low);
      range.max_proto.all = port(ports->high);
    }
    return bytes_of(range);
  }
  Blank<nf_nat_ipv4_multi_range_compat> ranges_room;
  auto& ranges = ranges_room.get();
  ranges.rangesize = 1;
  ranges.range[0].flags = flags;
  if (addresses) {
    copy_bytes(addresses->low.bytes(), ranges.range[0].min_ip);
    copy_bytes(addresses->high.bytes(), ranges.range[0].max_ip);
  }
  if (ports) {
    ranges.range[0].min.all = port(ports->low);
    ranges.range[0].max.all = port(ports->high);
  }
  return bytes_of(ranges);
}

/// Appends the target; its name.
struct TargetEncoder {
  bool ipv6;
  Bytes& to;

  std::string operator()(const target::Jump& of) const {
    // struct xt_standard_target; libiptc finds out by the name what it is.
    append_part(of.to, 0, bytes_of(int{0}), to);
    return of.to;
  }
  std::string operator()(const target::Reject&) const {
    if (ipv6) return module("REJECT", 0, bytes_of(ip6t_reject_info{IP6T_ICMP6_PORT_UNREACH}));
    return module("REJECT", 0, bytes_of(ipt_reject_info{IPT_ICMP_PORT_UNREACHABLE}));
  }
  std::string operator()(const target::Masquerade& of) const {
    return module("MASQUERADE", 0, nat_range(std::nullopt, of.ports, ipv6));
  }
  std::string operator()(const target::Nat& of) const {
    return module(of.source ? "SNAT" : "DNAT", ipv6 ? 1 : 0, nat_range(of.addresses, of.ports, ipv6));
  }
  std::string operator()(const target::Checksum&) const {
    return module("CHECKSUM", 0, bytes_of(xt_CHECKSUM_info{XT_CHECKSUM_OP_FILL}));
  }
  std::string module(std::string_view name, std::uint8_t revision, Bytes info) const {
    append_part(name, revision, std::move(info), to);
    return std::string(name);
  }
};

template <class Address>
void set_network(const std::optional<Masked>& from, Address& address, Address& mask, std::uint8_t& inverted,
                 std::uint8_t bit) {
  if (!from) return;
  copy_bytes(from->value, address);
  copy_bytes(from->mask, mask);
  if (from->negated) inverted = static_cast<std::uint8_t>(inverted | bit);
}

bool goes(const IpRule& rule) {
  const auto* jump = std::get_if<target::Jump>(&rule.target);
  return jump != nullptr && jump->go_to;
}

Bytes head_of(const IpRule& rule, bool ipv6) {
  Bytes bytes;
  if (ipv6) {
    Blank<ip6t_entry> entry_room;
    auto& entry = entry_room.get();
    ip6t_ip6& ip = entry.ipv6;
    set_network(rule.source, ip.src, ip.smsk, ip.invflags, IP6T_INV_SRCIP);
    set_network(rule.destination, ip.dst, ip.dmsk, ip.invflags, IP6T_INV_DSTIP);
    set_interface(rule.in, ip.iniface, ip.iniface_mask);
    set_interface(rule.out, ip.outiface, ip.outiface_mask);
    if (rule.protocol) {
      ip.proto = *rule.protocol;
      ip.flags = static_cast<std::uint8_t>(ip.flags | IP6T_F_PROTO);
    }
    if (goes(rule)) ip.flags = static_cast<std::uint8_t>(ip.flags | IP6T_F_GOTO);
    append(entry, bytes);
    return bytes;
  }
  Blank<ipt_entry> entry_room;
  auto& entry = entry_room.get();
  ipt_ip& ip = entry.ip;
  set_network(rule.source, ip.src, ip.smsk, ip.invflags, IPT_INV_SRCIP);
  set_network(rule.destination, ip.dst, ip.dmsk, ip.invflags, IPT_INV_DSTIP);
  set_interface(rule.in, ip.iniface, ip.iniface_mask);
  set_interface(rule.out, ip.outiface, ip.outiface_mask);
  ip.proto = rule.protocol.value_or(0);
  if (goes(rule)) ip.flags = static_cast<std::uint8_t>(ip.flags | IPT_F_GOTO);
  append(entry, bytes);
  return bytes;
}

// The two offsets lie side by side.
static_assert(offsetof(ipt_entry, next_offset) == offsetof(ipt_entry, target_offset) + sizeof(std::uint16_t));
static_assert(offsetof(ip6t_entry, next_offset) == offsetof(ip6t_entry, target_offset) + sizeof(std::uint16_t));

constexpr std::size_t head_size(bool ipv6) { return ipv6 ? sizeof(ip6t_entry) : sizeof(ipt_entry); }

/// The kernel writes the name of a match or target and its zero; what is behind is what lay in the buffer before.
void clear_behind_name(std::size_t at, Bytes& image) {
  constexpr std::size_t kName = offsetof(xt_entry_match, u.user.name);
  const auto begin = image.begin() + static_cast<std::ptrdiff_t>(at + kName);
  const auto end = begin + sizeof(xt_entry_match::u.user.name);
  std::fill(std::find(begin, end, std::uint8_t{0}), end, std::uint8_t{0});
}

}  // namespace

Bytes image_of(const Bytes& entry, bool ipv6, const std::string& name, const Bytes& target) {
  // The head up to what the kernel counts and marks there for itself.
  const std::size_t told = ipv6 ? sizeof(ip6t_ip6) : sizeof(ipt_ip);
  Bytes image(entry.begin(), entry.begin() + static_cast<std::ptrdiff_t>(told));
  const std::size_t first = image.size();
  image.insert(image.end(), entry.begin() + static_cast<std::ptrdiff_t>(head_size(ipv6)), entry.end());
  for (std::size_t at = first; at + sizeof(xt_entry_match) <= image.size();) {
    const auto head = read_at<xt_entry_match>(image, at);
    const std::size_t info = at + sizeof(head), size = head.u.user.match_size;
    if (size < sizeof(head) || at + size > image.size()) break;
    clear_behind_name(at, image);
    // Kernels before 4.12 tell pointers of theirs, too.
    if (std::string_view(head.u.user.name) == "connlimit" && size >= sizeof(head) + sizeof(xt_connlimit_info))
      std::fill_n(image.begin() + static_cast<std::ptrdiff_t>(info + offsetof(xt_connlimit_info, data)), sizeof(void*),
                  std::uint8_t{0});
    at += size;
  }
  image.insert(image.end(), name.begin(), name.end());
  image.push_back(0);
  const std::size_t module = image.size();
  image.insert(image.end(), target.begin(), target.end());
  if (!target.empty()) clear_behind_name(module, image);
  return image;
}

Result<EncodedRule> encode(const IpRule& rule, bool ipv6) {
  EncodedRule out;
  Bytes& bytes = out.bytes;
  bytes = head_of(rule, ipv6);
  MatchEncoder matches(ipv6, bytes);
  for (const IpMatch& match : rule.matches) NWF_CHECK(std::visit(matches, match));
  const std::size_t target = bytes.size();
  out.target = std::visit(TargetEncoder{ipv6, bytes}, rule.target);
  if (out.target.size() > kMaxIpChainName)
    return fail(ErrorKind::Invalid,
                fmt::format("the name of chain '{}' is longer than iptables' {} bytes", out.target, kMaxIpChainName));
  constexpr std::size_t kLongest = 0xffff;
  if (bytes.size() > kLongest) return fail(ErrorKind::Invalid, "a rule is longer than the kernel can tell");
  const std::size_t offsets = ipv6 ? offsetof(ip6t_entry, target_offset) : offsetof(ipt_entry, target_offset);
  write_at(static_cast<std::uint16_t>(target), offsets, bytes);
  write_at(static_cast<std::uint16_t>(bytes.size()), offsets + sizeof(std::uint16_t), bytes);
  const auto end_of_matches = bytes.begin() + static_cast<std::ptrdiff_t>(target);
  const bool is_module = !std::holds_alternative<target::Jump>(rule.target);
  out.image = image_of(Bytes(bytes.begin(), end_of_matches), ipv6, out.target,
                       is_module ? Bytes(end_of_matches, bytes.end()) : Bytes{});
  return out;
}

}  // namespace nwf::legacy
