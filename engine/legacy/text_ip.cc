// SPDX-License-Identifier: GPL-2.0-or-later
// Spelled as iptables 1.8.9 lists what the kernel holds (its extensions' save functions), so that both can be compared.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "engine/legacy/text.h"
#include "engine/program/program.h"

namespace nwf::legacy {
namespace {

std::string_view no(bool negated) { return negated ? "! " : ""; }

/// The number of leading ones, when nothing else is set.
int prefix_of(const Bytes& mask) {
  int length = 0;
  bool ended = false;
  for (const std::uint8_t byte : mask) {
    const int ones = std::countl_one(byte);
    if ((ended && byte != 0) || static_cast<std::uint8_t>(byte << static_cast<unsigned>(ones)) != 0) return -1;
    length += ones;
    ended = ended || ones < 8;
  }
  return length;
}

std::string network(const Masked& of) {
  const int prefix = prefix_of(of.mask);
  const std::string address = IpAddress::from(of.value).text();
  return prefix < 0 ? address + "/" + IpAddress::from(of.mask).text() : fmt::format("{}/{}", address, prefix);
}

/// xtables_save_string(): bare where a shell would take it so, else in double quotes.
std::string quoted(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  };
  if (!text.empty() && std::ranges::all_of(text, plain)) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '\'') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string ports(const match::Ports& of) {
  return of.low == of.high ? fmt::format("{}", of.low) : fmt::format("{}:{}", of.low, of.high);
}

std::string port_options(const std::optional<match::Ports>& source, const std::optional<match::Ports>& target) {
  std::string out;
  if (source) out += fmt::format(" {}--sport {}", no(source->negated), ports(*source));
  if (target) out += fmt::format(" {}--dport {}", no(target->negated), ports(*target));
  return out;
}

std::string tcp_flags(std::uint8_t flags) {
  static constexpr std::pair<std::uint8_t, std::string_view> kNames[] = {{1, "FIN"}, {2, "SYN"},  {4, "RST"},
                                                                         {8, "PSH"}, {16, "ACK"}, {32, "URG"}};
  std::string out;
  for (const auto& [bit, name] : kNames)
    if ((flags & bit) != 0) out += (out.empty() ? "" : ",") + std::string(name);
  return out.empty() ? "NONE" : out;
}

std::string states(std::uint8_t of) {
  std::string out;
  const auto add = [&](std::uint8_t bit, std::string_view name) {
    if ((of & bit) != 0) out += (out.empty() ? "" : ",") + std::string(name);
  };
  add(kConnInvalid, "INVALID");
  add(kConnNew, "NEW");
  add(kConnRelated, "RELATED");
  add(kConnEstablished, "ESTABLISHED");
  return out;
}

/// A match in words; `ipv6` as it is spelled there.
struct MatchText {
  bool ipv6;

  std::string operator()(const match::Physdev& of) const {
    std::string out = "-m physdev";
    if (!of.in.empty()) out += " --physdev-in " + of.in;
    if (!of.out.empty()) out += " --physdev-out " + of.out;
    if (of.bridged) out += " --physdev-is-bridged";
    return out;
  }
  std::string operator()(const match::State& of) const { return "-m conntrack --ctstate " + states(of.states); }
  std::string operator()(const match::CtDirection& of) const {
    return fmt::format("-m conntrack --ctdir {}", of.reply ? "REPLY" : "ORIGINAL");
  }
  std::string operator()(const match::IpRange& of) const {
    std::string out = "-m iprange";
    const auto add = [&](const std::optional<Span<Bytes>>& range, std::string_view option) {
      if (range)
        out += fmt::format(" {}{} {}-{}", no(range->negated), option, IpAddress::from(range->low).text(),
                           IpAddress::from(range->high).text());
    };
    add(of.source, "--src-range");
    add(of.target, "--dst-range");
    return out;
  }
  std::string operator()(const match::MacSource& of) const {
    return fmt::format("-m mac {}--mac-source {}", no(of.negated), of.mac.text());
  }
  std::string operator()(const match::Dscp& of) const {
    return fmt::format("-m dscp {}--dscp 0x{:02x}", no(of.negated), of.value);
  }
  std::string operator()(const match::Tcp& of) const {
    std::string out = "-m tcp" + port_options(of.source, of.target);
    if (of.option) out += fmt::format(" {}--tcp-option {}", no(of.option->negated), of.option->value);
    if (of.flags)
      out += fmt::format(" {}--tcp-flags {} {}", no(of.flags_negated), tcp_flags((*of.flags)[0]),
                         tcp_flags((*of.flags)[1]));
    return out;
  }
  std::string operator()(const match::Udp& of) const { return "-m udp" + port_options(of.source, of.target); }
  std::string operator()(const match::Sctp& of) const { return "-m sctp" + port_options(of.source, of.target); }
  std::string operator()(const match::Icmp& of) const {
    std::string out = ipv6 ? fmt::format("-m icmp6 {}--icmpv6-type {}", no(of.negated), of.type)
                           : fmt::format("-m icmp {}--icmp-type {}", no(of.negated), of.type);
    if (of.code_low == of.code_high) out += fmt::format("/{}", of.code_low);
    return out;
  }
  std::string operator()(const match::AuthHeader&) const { return "-m ah"; }
  std::string operator()(const match::ConnLimit& of) const {
    return fmt::format("-m connlimit --connlimit-{} {} --connlimit-mask {} --connlimit-saddr",
                       of.negated ? "upto" : "above", of.above, ipv6 ? 128 : 32);
  }
  std::string operator()(const match::InSet& of) const {
    std::string flags;
    for (const bool target : of.target) flags += (flags.empty() ? "" : ",") + std::string(target ? "dst" : "src");
    return fmt::format("-m set {}--match-set {} {}", no(of.negated), quoted(of.name), flags);
  }
  std::string operator()(const match::Comment& of) const { return "-m comment --comment " + quoted(of.text); }
};

std::string port_span(const Span<std::uint16_t>& of) {
  return of.low == of.high ? fmt::format("{}", of.low) : fmt::format("{}-{}", of.low, of.high);
}

struct TargetText {
  bool ipv6;

  std::string operator()(const target::Jump& of) const {
    return of.to.empty() ? "" : fmt::format(" {} {}", of.go_to ? "-g" : "-j", of.to);
  }
  std::string operator()(const target::Reject&) const {
    return ipv6 ? " -j REJECT --reject-with icmp6-port-unreachable" : " -j REJECT --reject-with icmp-port-unreachable";
  }
  std::string operator()(const target::Masquerade& of) const {
    return of.ports ? " -j MASQUERADE --to-ports " + port_span(*of.ports) : " -j MASQUERADE";
  }
  std::string operator()(const target::Nat& of) const {
    std::string to;
    if (of.addresses) {
      to = of.addresses->low.text();
      if (of.ports && ipv6) to = "[" + to + "]";
      if (of.addresses->high != of.addresses->low) {
        to += "-";
        to += of.ports && ipv6 ? "[" + of.addresses->high.text() + "]" : of.addresses->high.text();
      }
    }
    if (of.ports) to += ":" + port_span(*of.ports);
    return fmt::format(" -j {} {}", of.source ? "SNAT --to-source" : "DNAT --to-destination", to);
  }
  std::string operator()(const target::Checksum&) const { return " -j CHECKSUM --checksum-fill"; }
};

/// iptables' own names, where it has one without asking the host's /etc/protocols.
std::string protocol(std::uint8_t number, bool ipv6) {
  switch (number) {
    case 1:
      return "icmp";
    case 6:
      return "tcp";
    case 17:
      return "udp";
    case 50:
      return "esp";
    case 51:
      return "ah";
    case 58:
      return ipv6 ? "ipv6-icmp" : "58";
    case 132:
      return "sctp";
    case 136:
      return "udplite";
    default:
      return fmt::format("{}", number);
  }
}

}  // namespace

std::string text(const IpRule& rule, bool ipv6) {
  std::string out;
  const auto add = [&](const std::string& words) { out += (out.empty() ? "" : " ") + words; };
  if (rule.source) add(fmt::format("{}-s {}", no(rule.source->negated), network(*rule.source)));
  if (rule.destination) add(fmt::format("{}-d {}", no(rule.destination->negated), network(*rule.destination)));
  if (!rule.in.empty()) add("-i " + rule.in);
  if (!rule.out.empty()) add("-o " + rule.out);
  if (rule.protocol) add("-p " + protocol(*rule.protocol, ipv6));
  for (const IpMatch& match : rule.matches) add(std::visit(MatchText{ipv6}, match));
  std::string target = std::visit(TargetText{ipv6}, rule.target);
  if (out.empty() && !target.empty()) target.erase(0, 1);
  return out + target;
}

}  // namespace nwf::legacy
