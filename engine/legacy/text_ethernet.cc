// SPDX-License-Identifier: GPL-2.0-or-later
// Spelled as ebtables 2.0.11 takes it and lists it (its extensions' print functions).
#include <fmt/format.h>

#include <algorithm>

#include "engine/legacy/text.h"

namespace nwf::legacy {
namespace {

std::string_view no(bool negated) { return negated ? "! " : ""; }

std::string mac(const Bytes& bytes) {
  Mac out;
  std::copy_n(bytes.begin(), 6, out.bytes.begin());
  return out.text();
}

bool whole(const Bytes& mask) {
  return std::ranges::all_of(mask, [](std::uint8_t byte) { return byte == 0xff; });
}

std::string mac(const Masked& of) { return whole(of.mask) ? mac(of.value) : mac(of.value) + "/" + mac(of.mask); }

std::string network(const Masked& of) {
  const std::string address = IpAddress::from(of.value).text();
  return whole(of.mask) ? address : address + "/" + IpAddress::from(of.mask).text();
}

template <class T>
std::string range(const Span<T>& of) {
  const auto low = static_cast<std::uint32_t>(of.low), high = static_cast<std::uint32_t>(of.high);
  return low == high ? fmt::format("{}", low) : fmt::format("{}:{}", low, high);
}

/// Options, each with a blank in front.
class Options {
 public:
  void add(std::string_view option, bool negated, const std::string& value) {
    out_ += fmt::format(" {} {}{}", option, no(negated), value);
  }
  void number(std::string_view option, const std::optional<Number>& of, std::string_view form = "{}") {
    if (of) add(option, of->negated, fmt::format(fmt::runtime(form), of->value));
  }
  template <class T>
  void span(std::string_view option, const std::optional<Span<T>>& of) {
    if (of) add(option, of->negated, range(*of));
  }
  void address(std::string_view option, const std::optional<Masked>& of) {
    if (of) add(option, of->negated, of->value.size() == 6 ? mac(*of) : network(*of));
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

struct EthernetMatchText {
  std::string operator()(const match::EbIp& of) const {
    Options options;
    const std::string_view ip = of.ipv6 ? "--ip6" : "--ip";
    const auto named = [&](std::string_view rest) { return fmt::format("{}-{}", ip, rest); };
    options.address(named("src"), of.source);
    options.address(named("dst"), of.destination);
    options.number(named(of.ipv6 ? "tclass" : "tos"), of.traffic_class, "0x{:02X}");
    options.number(named("proto"), of.protocol);
    options.span(named("sport"), of.source_ports);
    options.span(named("dport"), of.target_ports);
    if (of.icmp_type) {
      const Span<std::uint8_t> codes = of.icmp_code.value_or(Span<std::uint8_t>{0, 255, false});
      options.add("--ip6-icmp-type", of.icmp_type->negated, range(*of.icmp_type) + "/" + range(codes));
    }
    return options.take();
  }
  std::string operator()(const match::EbArp& of) const {
    Options options;
    options.number("--arp-op", of.opcode);
    options.number("--arp-htype", of.hardware_type);
    options.number("--arp-ptype", of.protocol_type, "0x{:x}");
    options.address("--arp-ip-src", of.source_ip);
    options.address("--arp-ip-dst", of.target_ip);
    options.address("--arp-mac-src", of.source_mac);
    options.address("--arp-mac-dst", of.target_mac);
    std::string out = options.take();
    if (of.gratuitous) out += *of.gratuitous ? " --arp-gratuitous" : " ! --arp-gratuitous";
    return out;
  }
  std::string operator()(const match::EbVlan& of) const {
    Options options;
    options.number("--vlan-id", of.id);
    options.number("--vlan-encap", of.encapsulated, "{:04X}");
    return options.take();
  }
  std::string operator()(const match::EbStp& of) const {
    Options options;
    options.number("--stp-type", of.type);
    options.number("--stp-flags", of.flags);
    options.span("--stp-root-prio", of.root_priority);
    options.address("--stp-root-addr", of.root_address);
    options.span("--stp-root-cost", of.root_cost);
    options.span("--stp-sender-prio", of.sender_priority);
    options.address("--stp-sender-addr", of.sender_address);
    options.span("--stp-port", of.port);
    options.span("--stp-msg-age", of.message_age);
    options.span("--stp-max-age", of.max_age);
    options.span("--stp-hello-time", of.hello_time);
    options.span("--stp-forward-delay", of.forward_delay);
    return options.take();
  }
};

}  // namespace

std::string text(const EthernetRule& rule) {
  Options options;
  if (rule.protocol) options.add("-p", rule.protocol->negated, fmt::format("0x{:04x}", rule.protocol->value));
  options.address("-s", rule.source);
  options.address("-d", rule.destination);
  if (!rule.in.empty()) options.add("-i", false, rule.in);
  if (!rule.out.empty()) options.add("-o", false, rule.out);
  std::string out = options.take();
  for (const EthernetMatch& match : rule.matches) out += std::visit(EthernetMatchText{}, match);
  out += " -j " + rule.target;
  return out.substr(1);
}

}  // namespace nwf::legacy
