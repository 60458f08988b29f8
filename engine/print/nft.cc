// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/print/nft.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <map>

#include "engine/model/address.h"
#include "engine/program/packet_field.h"

namespace nwf::print {
namespace {

/// How the bytes of a field are written.
enum class Form { Number, Hex, Mac, Ipv4, Ipv6, Name, EtherType, Protocol, Mark, State, Status, CtDirection, Fib };

struct Term {
  std::string text;
  Form form = Form::Number;
};

std::uint32_t host_number(const Bytes& bytes) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data(), std::min<std::size_t>(bytes.size(), 4));
  return value;
}

template <std::size_t N>
std::array<std::uint8_t, N> first(const Bytes& bytes) {
  std::array<std::uint8_t, N> out{};
  std::copy_n(bytes.begin(), std::min(N, bytes.size()), out.begin());
  return out;
}

std::string name_of(const Bytes& bytes) {
  const std::string text(bytes.begin(), bytes.end());
  return '"' + text.substr(0, text.find('\0')) + '"';
}

std::string ether_type_name(std::uint64_t type) {
  switch (type) {
    case ethertype::kIpv4:
      return "ip";
    case ethertype::kIpv6:
      return "ip6";
    case ethertype::kArp:
      return "arp";
    case ethertype::kVlan:
      return "8021q";
    default:
      return fmt::format("0x{:04x}", type);
  }
}

std::string protocol_text(std::uint64_t number) {
  static const std::map<std::uint64_t, std::string_view> kNames = {{1, "icmp"},       {2, "igmp"},   {6, "tcp"},
                                                                   {17, "udp"},       {50, "esp"},   {51, "ah"},
                                                                   {58, "ipv6-icmp"}, {132, "sctp"}, {136, "udplite"}};
  const auto found = kNames.find(number);
  return found == kNames.end() ? fmt::format("{}", number) : std::string(found->second);
}

std::string states(std::uint32_t mask) {
  std::string text;
  const auto add = [&](std::uint32_t bit, std::string_view name) {
    if ((mask & bit) != 0) text += (text.empty() ? "" : ",") + std::string(name);
  };
  add(kCtStateInvalid, "invalid");
  add(kCtStateEstablished, "established");
  add(kCtStateRelated, "related");
  add(kCtStateNew, "new");
  add(kCtStateUntracked, "untracked");
  return text;
}

std::string value(Form form, const Bytes& bytes) {
  switch (form) {
    case Form::Mac:
      return Mac{first<6>(bytes)}.text();
    case Form::Ipv4:
      return Ipv4{first<4>(bytes)}.text();
    case Form::Ipv6:
      return Ipv6{first<16>(bytes)}.text();
    case Form::Name:
      return name_of(bytes);
    case Form::EtherType:
      return ether_type_name(to_number(bytes));
    case Form::Protocol:
      return protocol_text(to_number(bytes));
    case Form::Mark:
      return fmt::format("0x{:08x}", host_number(bytes));
    case Form::State:
      return states(host_number(bytes));
    case Form::Status:
      return host_number(bytes) == kCtStatusDnat ? "dnat" : fmt::format("0x{:x}", host_number(bytes));
    case Form::Fib:
      return host_number(bytes) == kFibLocal ? "local" : fmt::format("{}", host_number(bytes));
    case Form::CtDirection:
      return bytes[0] == 0 ? "original" : "reply";
    case Form::Hex:
      return fmt::format("0x{:02x}", fmt::join(bytes, ""));
    case Form::Number:
      break;
  }
  if (bytes.size() > 8) return fmt::format("0x{:02x}", fmt::join(bytes, ""));
  return fmt::format("{}", to_number(bytes));
}

Form form_of(KeyType type) {
  switch (type) {
    case KeyType::Ipv4Addr:
      return Form::Ipv4;
    case KeyType::Ipv6Addr:
      return Form::Ipv6;
    case KeyType::EtherAddr:
      return Form::Mac;
    case KeyType::EtherType:
      return Form::EtherType;
    case KeyType::InetProto:
      return Form::Protocol;
    case KeyType::IfName:
      return Form::Name;
    default:
      return Form::Number;
  }
}

std::string_view op_text(CompareOp op) {
  switch (op) {
    case CompareOp::Equal:
      return " ";
    case CompareOp::NotEqual:
      return " != ";
    case CompareOp::Less:
      return " < ";
    case CompareOp::LessOrEqual:
      return " <= ";
    case CompareOp::Greater:
      return " > ";
    case CompareOp::GreaterOrEqual:
      return " >= ";
  }
  return " ";
}

class Printer {
 public:
  std::string run(const Rule& rule) {
    for (const Expression& expression : rule.expressions) std::visit(*this, expression);
    return std::move(out_);
  }

  void operator()(const expr::MetaLoad& e) {
    switch (e.key) {
      case MetaKey::InterfaceIn:
        set(e.to, {"iifname", Form::Name});
        break;
      case MetaKey::InterfaceOut:
        set(e.to, {"oifname", Form::Name});
        break;
      case MetaKey::L4Proto:
        set(e.to, {"meta l4proto", Form::Protocol});
        break;
      case MetaKey::NfProto:
        set(e.to, {"meta nfproto", Form::Number});
        break;
      case MetaKey::Mark:
        set(e.to, {"meta mark", Form::Mark});
        break;
      case MetaKey::InterfaceInKind:
        set(e.to, {"iifkind", Form::Name});
        break;
    }
  }
  void operator()(const expr::MetaSetMark& e) {
    const auto constant = constants_.find(e.from);
    if (constant == constants_.end() || constant->second.size() != 4)
      return word("meta mark set " + terms_[e.from].text);
    std::uint32_t mark = 0;  // in the host's byte order
    std::memcpy(&mark, constant->second.data(), 4);
    word(fmt::format("meta mark set 0x{:08x}", mark));
  }
  void operator()(const expr::CtLoad& e) {
    switch (e.key) {
      case CtKey::State:
        set(e.to, {"ct state", Form::State});
        break;
      case CtKey::Direction:
        set(e.to, {"ct direction", Form::CtDirection});
        break;
      case CtKey::Status:
        set(e.to, {"ct status", Form::Status});
        break;
    }
  }
  void operator()(const expr::Payload& e) { set(e.to, field(e)); }
  void operator()(const expr::TcpOptionExists& e) {
    set(e.to, {fmt::format("tcp option {} present", e.kind), Form::Number});
  }
  void operator()(const expr::Bitwise& e) {
    Term& term = terms_[e.from];
    const bool changes =
        std::any_of(e.exclusive_or.begin(), e.exclusive_or.end(), [](std::uint8_t b) { return b != 0; });
    if (term.form == Form::State || term.form == Form::Status) {
      state_mask_ = host_number(e.mask);
      return;
    }
    if (term.form == Form::Number) term.form = Form::Hex;
    std::string text = fmt::format("{} & {}", term.text, value(term.form, e.mask));
    if (changes) text = fmt::format("({}) | {}", text, value(term.form, e.exclusive_or));
    terms_[e.to] = {text, term.form};
  }
  void operator()(const expr::Compare& e) {
    const Term& term = terms_[e.from];
    if (term.form == Form::State) {
      word("ct state " + states(state_mask_));
      return;
    }
    if (term.form == Form::Status) {
      word("ct status " + value(Form::Status, mark_of(state_mask_)));
      return;
    }
    learn(term, e);
    word(fmt::format("{}{}{}", term.text, op_text(e.op), value(term.form, e.data)));
  }
  void operator()(const expr::Range& e) {
    const Term& term = terms_[e.from];
    word(
        fmt::format("{} {}{}-{}", term.text, e.inside ? "" : "!= ", value(term.form, e.low), value(term.form, e.high)));
  }
  void operator()(const expr::Lookup& e) {
    if (e.to) {
      // The map's data: an address, and a port in the next register.
      const std::string map = fmt::format("{} map @{}", key(e.from), e.set);
      set(*e.to, {map, Form::Hex});
      return;
    }
    word(fmt::format("{} {}@{}", key(e.from), e.verdict_map ? "vmap " : e.inverted ? "!= " : "", e.set));
  }
  void operator()(const expr::DynamicSet& e) {
    const std::string count = e.connlimit ? fmt::format(" ct count over {}", e.connlimit_over) : "";
    const bool counts = e.op == expr::DynamicSet::Op::Count;
    const std::string_view op = counts ? "update" : e.op == expr::DynamicSet::Op::Add ? "add" : "delete";
    word(fmt::format("{} @{} {{ {}{}{} }}", op, e.set, key(e.from), count, counts ? " counter" : ""));
  }
  void operator()(const expr::Counter&) { word("counter"); }
  void operator()(const expr::Reject&) { word("reject"); }
  void operator()(const expr::Immediate& e) { word(nft(e.verdict)); }
  void operator()(const expr::ImmediateData& e) {
    set(e.to, {value(Form::Hex, e.data), Form::Hex});
    constants_[e.to] = e.data;
  }
  void operator()(const expr::FibAddressType& e) { set(e.to, {"fib daddr type", Form::Fib}); }
  void operator()(const expr::Masquerade& e) {
    word(e.ports ? fmt::format("masquerade to :{}", range(*e.ports)) : "masquerade");
  }
  void operator()(const expr::Nat& e) {
    const bool source = e.kind == expr::Nat::Kind::Source;
    // A map's data holds the address and the port.
    const bool mapped = !constants_.contains(e.addresses.min);
    std::string to = mapped ? terms_[e.addresses.min].text : range(e.addresses);
    if (e.ports && !mapped) to += ":" + range(*e.ports);
    word(fmt::format("{} {}{} to {}", source ? "snat" : "dnat", e.ipv6 ? "ip6" : "ip", e.prefix ? " prefix" : "", to));
  }

 private:
  static Bytes mark_of(std::uint32_t number) {
    Bytes bytes(4);
    std::memcpy(bytes.data(), &number, 4);
    return bytes;
  }
  std::string range(const expr::RegisterRange& registers) {
    const auto text = [&](Register at) {
      const Bytes& bytes = constants_[at];
      return value(bytes.size() == 4 ? Form::Ipv4 : bytes.size() == 16 ? Form::Ipv6 : Form::Number, bytes);
    };
    const std::string low = text(registers.min), high = text(registers.max);
    return low == high ? low : fmt::format("{}-{}", low, high);
  }

  void word(const std::string& text) { out_ += (out_.empty() ? "" : " ") + text; }
  void set(Register at, Term term) {
    // A new key starts at register 0; what lay further on belongs to an older one.
    if (at == 0) terms_.clear();
    terms_[at] = std::move(term);
    constants_.erase(at);
  }

  std::string key(Register from) const {
    std::string text;
    for (const auto& [at, term] : terms_)
      if (at >= from) text += (text.empty() ? "" : " . ") + term.text;
    return text;
  }

  /// Later fields have names only when it is known what the packet is.
  void learn(const Term& term, const expr::Compare& e) {
    if (e.op != CompareOp::Equal) return;
    if (term.text == "ether type") ether_type_ = to_number(e.data);
    if (term.text == "meta l4proto" || term.text == "ip protocol") l4proto_ = to_number(e.data);
  }

  Term field(const expr::Payload& e) const {
    if (e.base == PayloadBase::Link) {
      if (e.offset == 0 && e.length == 6) return {"ether daddr", Form::Mac};
      if (e.offset == 6 && e.length == 6) return {"ether saddr", Form::Mac};
      if (e.offset == 12 && e.length == 2) return {"ether type", Form::EtherType};
      if (e.offset == 14 && e.length == 2) return {"vlan id", Form::Number};
      if (e.offset == 16 && e.length == 2) return {"vlan type", Form::EtherType};
    }
    if (e.base == PayloadBase::Network) return network(e);
    if (e.base == PayloadBase::Transport) return transport(e);
    return raw(e);
  }

  Term network(const expr::Payload& e) const {
    static const std::map<std::array<std::uint64_t, 3>, Term> kFields = {
        {{ethertype::kArp, 0, 2}, {"arp htype", Form::Number}},
        {{ethertype::kArp, 2, 2}, {"arp ptype", Form::EtherType}},
        {{ethertype::kArp, 4, 1}, {"arp hlen", Form::Number}},
        {{ethertype::kArp, 5, 1}, {"arp plen", Form::Number}},
        {{ethertype::kArp, 6, 2}, {"arp operation", Form::Number}},
        {{ethertype::kArp, 8, 6}, {"arp saddr ether", Form::Mac}},
        {{ethertype::kArp, 14, 4}, {"arp saddr ip", Form::Ipv4}},
        {{ethertype::kArp, 18, 6}, {"arp daddr ether", Form::Mac}},
        {{ethertype::kArp, 24, 4}, {"arp daddr ip", Form::Ipv4}},
        {{ethertype::kIpv4, 9, 1}, {"ip protocol", Form::Protocol}},
        {{ethertype::kIpv4, 12, 4}, {"ip saddr", Form::Ipv4}},
        {{ethertype::kIpv4, 16, 4}, {"ip daddr", Form::Ipv4}},
        {{ethertype::kIpv6, 8, 16}, {"ip6 saddr", Form::Ipv6}},
        {{ethertype::kIpv6, 24, 16}, {"ip6 daddr", Form::Ipv6}},
    };
    if (const auto found = kFields.find({ether_type_, e.offset, e.length}); found != kFields.end())
      return found->second;
    // Addresses say themselves which family they are of.
    if (ether_type_ == 0) {
      if (e.length == 4 && e.offset == 12) return {"ip saddr", Form::Ipv4};
      if (e.length == 4 && e.offset == 16) return {"ip daddr", Form::Ipv4};
      if (e.length == 16 && e.offset == 8) return {"ip6 saddr", Form::Ipv6};
      if (e.length == 16 && e.offset == 24) return {"ip6 daddr", Form::Ipv6};
    }
    return raw(e);
  }

  Term transport(const expr::Payload& e) const {
    std::string_view name = "th";
    if (l4proto_ == 6) name = "tcp";
    if (l4proto_ == 17) name = "udp";
    if (l4proto_ == 132) name = "sctp";
    if (e.length == 2 && e.offset == 0) return {fmt::format("{} sport", name), Form::Number};
    if (e.length == 2 && e.offset == 2) return {fmt::format("{} dport", name), Form::Number};
    if (e.length == 1 && e.offset == 13 && l4proto_ == 6) return {"tcp flags", Form::Hex};
    if (l4proto_ == 1 || l4proto_ == 58) {
      const std::string_view icmp = l4proto_ == 1 ? "icmp" : "icmpv6";
      if (e.length == 1 && e.offset == 0) return {fmt::format("{} type", icmp), Form::Number};
      if (e.length == 1 && e.offset == 1) return {fmt::format("{} code", icmp), Form::Number};
    }
    return raw(e);
  }

  static Term raw(const expr::Payload& e) {
    constexpr std::string_view kBases[] = {"ll", "nh", "th"};
    return {fmt::format("@{},{},{}", kBases[static_cast<int>(e.base)], e.offset * 8, e.length * 8), Form::Hex};
  }

  std::string out_;
  std::map<Register, Term> terms_;
  std::map<Register, Bytes> constants_;
  std::uint32_t state_mask_ = 0;
  std::uint64_t ether_type_ = 0;
  std::uint64_t l4proto_ = 0;
};

}  // namespace

std::string nft(const Rule& rule) { return Printer().run(rule); }

std::string nft(const Verdict& verdict) {
  switch (verdict.code) {
    case VerdictCode::Accept:
      return "accept";
    case VerdictCode::Drop:
      return "drop";
    case VerdictCode::Return:
      return "return";
    case VerdictCode::Continue:
      return "continue";
    case VerdictCode::Jump:
      return "jump " + verdict.chain;
    case VerdictCode::Goto:
      return "goto " + verdict.chain;
  }
  return "?";
}

std::string nft_key(const std::vector<KeyPart>& parts, const Bytes& key) {
  std::string text;
  std::size_t at = 0;
  for (const KeyPart& part : parts) {
    if (at + part.width > key.size()) break;
    const Bytes bytes(key.begin() + static_cast<std::ptrdiff_t>(at),
                      key.begin() + static_cast<std::ptrdiff_t>(at + part.width));
    text += (text.empty() ? "" : " . ") + value(form_of(part.type), bytes);
    at += (part.width + 3) / 4 * 4;
  }
  return text;
}

}  // namespace nwf::print
