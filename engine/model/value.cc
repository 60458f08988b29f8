// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "engine/model/address.h"
#include "engine/utf8.h"

namespace nwf {
namespace {

struct Name {
  std::string_view name;
  std::uint32_t value;
};

constexpr std::array<Name, 5> kEtherTypes{
    {{"arp", 0x0806}, {"rarp", 0x8035}, {"ipv4", 0x0800}, {"ipv6", 0x86dd}, {"vlan", 0x8100}}};
// RFC 826, RFC 903, RFC 1931, RFC 2390, RFC 1577
constexpr std::array<Name, 9> kArpOpcodes{{{"Request", 1},
                                           {"Reply", 2},
                                           {"Request_Reverse", 3},
                                           {"Reply_Reverse", 4},
                                           {"DRARP_Request", 5},
                                           {"DRARP_Reply", 6},
                                           {"DRARP_Error", 7},
                                           {"InARP_Request", 8},
                                           {"ARP_NAK", 9}}};
constexpr std::array<Name, 9> kIpProtocols{{{"tcp", 6},
                                            {"udp", 17},
                                            {"udplite", 136},
                                            {"esp", 50},
                                            {"ah", 51},
                                            {"icmp", 1},
                                            {"igmp", 2},
                                            {"sctp", 132},
                                            {"icmpv6", 58}}};
constexpr std::array<Name, 6> kTcpFlags{{{"FIN", 1}, {"SYN", 2}, {"RST", 4}, {"PSH", 8}, {"ACK", 16}, {"URG", 32}}};
constexpr std::array<Name, 4> kStates{
    {{"NEW", kStateNew}, {"ESTABLISHED", kStateEstablished}, {"RELATED", kStateRelated}, {"INVALID", kStateInvalid}}};

bool equal_folded(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

template <std::size_t N>
const Name* find_name(const std::array<Name, N>& names, std::string_view text) {
  for (const Name& name : names)
    if (equal_folded(name.name, text)) return &name;
  return nullptr;
}

template <std::size_t N>
std::string list(const std::array<Name, N>& names) {
  std::string out;
  for (const Name& name : names) out += (out.empty() ? "" : ", ") + std::string(name.name);
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<std::uint64_t> digits(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

bool is_hexadecimal(std::string_view text) {
  return text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

/// Decimal, or hexadecimal after 0x. Nothing else, no sign, no blanks.
std::optional<std::uint64_t> number(std::string_view text) {
  return is_hexadecimal(text) ? digits(text.substr(2), 16) : digits(text, 10);
}

/// The number as libvirt writes it back: in the base it was given in.
std::string canonical(std::uint64_t value, std::string_view text) {
  return is_hexadecimal(text) ? fmt::format("{:#x}", value) : fmt::format("{}", value);
}

tl::unexpected<Error> bad(std::string_view text, std::string what, const std::string& right) {
  return fail(ErrorKind::Invalid, fmt::format("'{}' is not {}", shown(text), what), "write " + right);
}

Result<Literal> numeric(std::string_view text, std::uint64_t low, std::uint64_t high, std::size_t width) {
  const auto value = number(text);
  if (!value || *value < low || *value > high)
    return bad(text, fmt::format("a number from {} to {}", low, high),
               fmt::format("it in decimal, or in hexadecimal as 0x{:x}", high));
  return Literal{to_bytes(*value, width), canonical(*value, text)};
}

/// How many leading bits of a mask are set, if no other bit is.
template <std::size_t N>
std::optional<std::uint8_t> prefix_of(const std::array<std::uint8_t, N>& mask) {
  std::size_t ones = 0;
  while (ones < N * 8 && ((mask[ones / 8] >> (7 - ones % 8)) & 1) != 0) ++ones;
  for (std::size_t i = ones; i < N * 8; ++i)
    if (((mask[i / 8] >> (7 - i % 8)) & 1) != 0) return std::nullopt;
  return static_cast<std::uint8_t>(ones);
}

template <class Address, std::size_t Bits>
Result<Literal> ip_mask(std::string_view text, const char* example) {
  if (const auto value = digits(text, 10); value && *value <= Bits)
    return Literal{{static_cast<std::uint8_t>(*value)}, fmt::format("{}", *value)};
  if (const auto address = Address::parse(text))
    if (const auto prefix = prefix_of(address->bytes)) return Literal{{*prefix}, fmt::format("{}", *prefix)};
  return bad(text, "a network mask", fmt::format("a prefix length from 0 to {}, or a mask like {}", Bits, example));
}

template <std::size_t N>
Result<Literal> named_or_number(const std::array<Name, N>& names, std::string_view text, std::uint64_t low,
                                std::uint64_t high, std::size_t width, std::string_view what) {
  if (const Name* name = find_name(names, text)) return Literal{to_bytes(name->value, width), std::string(name->name)};
  const auto value = number(text);
  if (!value || *value < low || *value > high)
    return bad(text, std::string(what),
               fmt::format("a number from {} to {} (0x{:x}), or one of {}", low, high, high, list(names)));
  // As libvirt writes it back: by name where it has one.
  const auto known = std::find_if(names.begin(), names.end(), [&](const Name& name) { return name.value == *value; });
  return Literal{to_bytes(*value, width), known != names.end() ? std::string(known->name) : canonical(*value, text)};
}

Result<Literal> boolean(std::string_view text) {
  for (const std::string_view yes : {"true", "yes", "1"})
    if (text == yes) return Literal{{1}, "true"};
  for (const std::string_view no : {"false", "no", "0"})
    if (text == no) return Literal{{0}, "false"};
  return bad(text, "a truth value", "true or false");
}

std::optional<std::uint8_t> tcp_flag_set(std::string_view text) {
  if (text.empty() || equal_folded(text, "NONE")) return std::uint8_t{0};
  if (equal_folded(text, "ALL")) return std::uint8_t{0x3f};
  std::uint32_t flags = 0;
  for (const std::string_view part : split(text, ',')) {
    const Name* name = find_name(kTcpFlags, part);
    if (name == nullptr) return std::nullopt;
    flags |= name->value;
  }
  return static_cast<std::uint8_t>(flags);
}

std::string tcp_flag_text(std::uint8_t flags) {
  if (flags == 0) return "NONE";
  if (flags == 0x3f) return "ALL";
  std::string out;
  for (const Name& name : kTcpFlags)
    if ((flags & name.value) != 0) out += (out.empty() ? "" : ",") + std::string(name.name);
  return out;
}

Result<Literal> tcp_flags(std::string_view text) {
  const auto slash = text.find('/');
  if (slash != std::string_view::npos && slash > 0) {
    const auto mask = tcp_flag_set(text.substr(0, slash));
    const auto set = tcp_flag_set(text.substr(slash + 1));
    if (mask && set) return Literal{{*mask, *set}, tcp_flag_text(*mask) + "/" + tcp_flag_text(*set)};
  }
  return bad(text, "a pair of TCP flag lists", "MASK/SET, each a list of SYN,ACK,URG,PSH,FIN,RST, or ALL, or NONE");
}

Result<Literal> states(std::string_view text) {
  if (equal_folded(text, "NONE")) return Literal{{kStateNone}, "NONE"};
  std::uint32_t bits = 0;
  // libvirt 9.0 takes blanks for commas, and more of them than needed.
  std::string with_commas(text);
  std::replace(with_commas.begin(), with_commas.end(), ' ', ',');
  for (const std::string_view part : split(with_commas, ',')) {
    if (part.empty()) continue;
    const Name* name = find_name(kStates, part);
    if (name == nullptr)
      return bad(text, "a list of connection states", "NEW, ESTABLISHED, RELATED, INVALID joined by commas, or NONE");
    bits |= name->value;
  }
  if (bits == 0)
    return bad(text, "a list of connection states", "at least one of NEW, ESTABLISHED, RELATED, INVALID, or NONE");
  std::string out;
  for (const Name& name : kStates)
    if ((bits & name.value) != 0) out += (out.empty() ? "" : ",") + std::string(name.name);
  return Literal{{static_cast<std::uint8_t>(bits)}, out};
}

Result<Literal> ipset_name(std::string_view text) {
  const bool fine = !text.empty() && text.size() <= 31 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("_.:-+ ").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (!fine) return bad(text, "the name of an ipset", "1 to 31 letters, digits or _ . : - + and blanks");
  return Literal{Bytes(text.begin(), text.end()), std::string(text)};
}

Result<Literal> ipset_flags(std::string_view text) {
  Literal literal;
  const auto parts = split(text, ',');
  for (const std::string_view part : parts) {
    const bool dst = equal_folded(part, "dst");
    if ((!dst && !equal_folded(part, "src")) || parts.size() > 6)
      return bad(text, "a list of ipset directions", "up to six of src and dst, joined by commas");
    literal.bytes.push_back(dst ? 1 : 0);
    literal.text += (literal.text.empty() ? "" : ",") + std::string(dst ? "dst" : "src");
  }
  return literal;
}

/// `$`, blanks, a name, and optionally `[N]` or `[@N]`. libvirt: nwfilter.rng, variable-name-type.
Result<VariableRef> variable(std::string_view text) {
  const auto wrong = [&] { return bad(text, "a variable", "$NAME, $NAME[3] or $NAME[@1]"); };
  std::size_t at = 1;
  const auto blanks = [&] {
    while (at < text.size() && text[at] == ' ') ++at;
  };
  const auto word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  blanks();
  VariableRef ref;
  while (at < text.size() && word(text[at])) ref.name += text[at++];
  if (ref.name.empty()) return wrong();
  if (at < text.size() && text[at] == '[') {
    ++at;
    blanks();
    ref.access = VariableRef::Access::Subscript;
    if (at < text.size() && text[at] == '@') {
      ref.access = VariableRef::Access::Iterator;
      ++at;
    }
    const char* begin = text.data() + at;
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), ref.index);
    if (error != std::errc{} || ref.index > 65535) return wrong();
    at += static_cast<std::size_t>(end - begin);
    blanks();
    if (at >= text.size() || text[at] != ']') return wrong();
    ++at;
  }
  blanks();
  if (at != text.size()) return wrong();
  return ref;
}

}  // namespace

std::string VariableRef::text() const {
  if (access == Access::Subscript) return fmt::format("${}[{}]", name, index);
  return index == 0 ? "$" + name : fmt::format("${}[@{}]", name, index);
}

std::size_t value_width(ValueKind kind) {
  switch (kind) {
    case ValueKind::MacAddress:
    case ValueKind::MacMask:
      return 6;
    case ValueKind::Ipv4Address:
    case ValueKind::Uint32:
      return 4;
    case ValueKind::Ipv6Address:
      return 16;
    case ValueKind::Uint16:
    case ValueKind::Connections:
    case ValueKind::VlanId:
    case ValueKind::EtherType:
    case ValueKind::VlanEncap:
    case ValueKind::ArpOpcode:
    case ValueKind::TcpFlags:
      return 2;
    case ValueKind::Ipv4Mask:
    case ValueKind::Ipv6Mask:
    case ValueKind::Uint8:
    case ValueKind::Dscp:
    case ValueKind::IpProtocol:
    case ValueKind::Boolean:
    case ValueKind::ConnState:
      return 1;
    case ValueKind::IpsetName:
    case ValueKind::IpsetFlags:
    case ValueKind::Comment:
      return 0;
  }
  return 0;
}

Result<Literal> parse_literal(ValueKind kind, std::string_view text) {
  switch (kind) {
    case ValueKind::MacAddress:
      if (const auto mac = Mac::parse(text)) return Literal{Bytes(mac->bytes.begin(), mac->bytes.end()), mac->text()};
      return bad(text, "a MAC address", "six groups like 52:54:00:ab:cd:ef");
    case ValueKind::MacMask:
      if (const auto mac = Mac::parse(text); mac && prefix_of(mac->bytes))
        return Literal{Bytes(mac->bytes.begin(), mac->bytes.end()), mac->text()};
      return bad(text, "a MAC address mask", "six groups like ff:ff:ff:00:00:00, with all set bits at the left");
    case ValueKind::Ipv4Address:
      if (const auto ip = Ipv4::parse(text)) return Literal{Bytes(ip->bytes.begin(), ip->bytes.end()), ip->text()};
      return bad(text, "an IPv4 address", "four numbers up to 255 like 192.0.2.1");
    case ValueKind::Ipv6Address:
      if (const auto ip = Ipv6::parse(text)) return Literal{Bytes(ip->bytes.begin(), ip->bytes.end()), ip->text()};
      return bad(text, "an IPv6 address", "one like 2001:db8::1");
    case ValueKind::Ipv4Mask:
      return ip_mask<Ipv4, 32>(text, "255.255.255.0");
    case ValueKind::Ipv6Mask:
      return ip_mask<Ipv6, 128>(text, "ffff:ffff::");
    case ValueKind::Uint8:
      return numeric(text, 0, 0xff, 1);
    case ValueKind::Uint16:
      return numeric(text, 0, 0xffff, 2);
    case ValueKind::Connections:
      if (is_hexadecimal(text)) return bad(text, "a number of connections", "it in decimal");
      return numeric(text, 0, 0xffff, 2);
    case ValueKind::Uint32:
      return numeric(text, 0, 0xffffffff, 4);
    case ValueKind::Dscp:
      return numeric(text, 0, 63, 1);
    case ValueKind::VlanId:
      return numeric(text, 0, 4095, 2);
    case ValueKind::EtherType:
      return named_or_number(kEtherTypes, text, 0x600, 0xffff, 2, "an EtherType");
    case ValueKind::VlanEncap:
      return named_or_number(kEtherTypes, text, 60, 0xffff, 2, "an EtherType");
    case ValueKind::ArpOpcode:
      // libvirt writes these in decimal whatever they were.
      return named_or_number(kArpOpcodes, text, 0, 0xffff, 2, "an ARP operation").map([](Literal literal) {
        if (is_hexadecimal(literal.text)) literal.text = fmt::format("{}", to_number(literal.bytes));
        return literal;
      });
    case ValueKind::IpProtocol:
      return named_or_number(kIpProtocols, text, 0, 0xff, 1, "an IP protocol");
    case ValueKind::Boolean:
      return boolean(text);
    case ValueKind::TcpFlags:
      return tcp_flags(text);
    case ValueKind::ConnState:
      return states(text);
    case ValueKind::IpsetName:
      return ipset_name(text);
    case ValueKind::IpsetFlags:
      return ipset_flags(text);
    case ValueKind::Comment:
      // libvirt: MAX_COMMENT_LENGTH
      if (text.size() > 256) return bad(text, "a comment", "at most 256 characters");
      return Literal{Bytes(text.begin(), text.end()), std::string(text)};
  }
  return bad(text, "a value", "another");
}

Result<Operand> parse_operand(ValueKind kind, std::string_view text, bool variables_allowed) {
  if (!text.empty() && text[0] == '$' && kind != ValueKind::Comment) {
    if (!variables_allowed) return bad(text, "allowed here: this attribute takes no variable", "the value itself");
    NWF_TRY(auto ref, variable(text));
    return Operand{std::move(ref)};
  }
  NWF_TRY(auto literal, parse_literal(kind, text));
  return Operand{std::move(literal)};
}

std::uint64_t to_number(const Bytes& bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8U | byte;
  return value;
}

Bytes to_bytes(std::uint64_t number, std::size_t width) {
  Bytes bytes(width);
  for (std::size_t i = width; i-- > 0; number >>= 8U) bytes[i] = static_cast<std::uint8_t>(number);
  return bytes;
}

}  // namespace nwf
