// SPDX-License-Identifier: GPL-2.0-or-later
// The inet layer's tests as xtables' matches.
#include <fmt/format.h>

#include "engine/legacy/decode.h"

namespace nwf::legacy {
namespace {

constexpr std::uint8_t kTcp = 6, kUdp = 17, kSctp = 132, kIcmp = 1, kIcmp6 = 58, kAh = 51;

/// The tests of one combination on their way into one rule, or a few.
class IpDecoder {
 public:
  IpDecoder(const ProgramRule& rule, bool ipv6) : rule_(rule), ipv6_(ipv6) {}

  Result<std::vector<IpRule>> run(const std::vector<Test>& tests) {
    for (const Test& test : tests) NWF_CHECK(std::visit([&](const auto& of) { return add(of); }, test));
    std::vector<IpRule> rules;
    for (const auto& ports : port_alternatives()) rules.push_back(assemble(ports));
    return rules;
  }

 private:
  using PortPair = std::array<std::optional<match::Ports>, 2>;

  Result<void> cannot(std::string_view what) const {
    return fail({ErrorKind::Unsupported,
                 fmt::format("{}: ip{}tables has no match for {}", rule_.origin, ipv6_ ? "6" : "", what),
                 rule_.source,
                 "use the nftables backend for this filter",
                 {}});
  }

  Result<void> add(const test::Compare& compare) {
    const PacketField& at = compare.field;
    if (at.l4proto) {
      if (compare.negated || out_.protocol) return cannot("two protocols of one rule");
      if (ipv6_ && compare.value.at(0) == kAh)
        out_.matches.emplace_back(match::AuthHeader{});
      else
        out_.protocol = compare.value.at(0);
      return {};
    }
    if (at.base == PayloadBase::Link) {
      if (at.offset != 6 || mac_ || !at.mask.empty()) return cannot("this part of the frame's header");
      Mac mac;
      std::copy(compare.value.begin(), compare.value.end(), mac.bytes.begin());
      mac_ = match::MacSource{mac, compare.negated};
      return {};
    }
    if (at.base == PayloadBase::Network) return add_network(compare);
    return add_transport(compare.field, compare.value, compare.value, compare.negated);
  }

  Result<void> add_network(const test::Compare& compare) {
    const PacketField& at = compare.field;
    const std::uint32_t source = ipv6_ ? 8 : 12, destination = ipv6_ ? 24 : 16, width = ipv6_ ? 16 : 4;
    if (at.length == width && (at.offset == source || at.offset == destination)) {
      auto& slot = at.offset == source ? out_.source : out_.destination;
      if (slot) {
        if (!at.mask.empty()) return cannot("two networks of one side");
        return add_range(at.offset == source, {compare.value, compare.value, compare.negated});
      }
      slot = Masked{compare.value, at.mask.empty() ? Bytes(width, 0xff) : at.mask, compare.negated};
      return {};
    }
    const bool dscp = ipv6_ ? at.offset == 0 && at.length == 2 : at.offset == 1 && at.length == 1;
    if (!dscp || dscp_) return cannot("this part of the IP header");
    dscp_ = match::Dscp{static_cast<std::uint8_t>(to_number(compare.value) >> (ipv6_ ? 6U : 2U)), compare.negated};
    return {};
  }

  Result<void> add_range(bool source, Span<Bytes> range) {
    auto& slot = source ? range_.source : range_.target;
    if (slot) return cannot("two ranges of one side");
    slot = std::move(range);
    return {};
  }

  Result<void> add(const test::Range& range) {
    const PacketField& at = range.field;
    if (at.base == PayloadBase::Transport) return add_transport(at, range.low, range.high, range.negated);
    const std::uint32_t source = ipv6_ ? 8 : 12, destination = ipv6_ ? 24 : 16;
    if (at.base != PayloadBase::Network || (at.offset != source && at.offset != destination))
      return cannot("a range of this field");
    return add_range(at.offset == source, {range.low, range.high, range.negated});
  }

  Result<void> add_transport(const PacketField& at, const Bytes& low, const Bytes& high, bool negated) {
    const std::uint8_t protocol = out_.protocol.value_or(0);
    if (protocol == kIcmp || protocol == kIcmp6) {
      auto& slot = at.offset == 0 ? icmp_type_ : icmp_code_;
      if (at.length != 1 || slot || at.offset > 1) return cannot("this part of the ICMP header");
      slot = Span<std::uint8_t>{low.at(0), high.at(0), negated};
      return {};
    }
    if (protocol == kTcp && at.offset == 13) {
      if (tcp_flags_ || at.mask.empty()) return cannot("these TCP flags");
      tcp_flags_ = {at.mask[0], low.at(0)};
      tcp_flags_negated_ = negated;
      return {};
    }
    if (protocol != kTcp && protocol != kUdp && protocol != kSctp) return cannot("ports of this protocol");
    if (at.length == 4) {  // both ports together are not these two: one of them is not
      pair_ = PortPair{match::Ports{port(low, 0), port(low, 0), true}, match::Ports{port(low, 2), port(low, 2), true}};
      return {};
    }
    auto& slot = ports_.at(at.offset == 0 ? 0 : 1);
    if (slot || at.length != 2) return cannot("two ports of one side");
    slot = match::Ports{port(low, 0), port(high, 0), negated};
    return {};
  }

  static std::uint16_t port(const Bytes& bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes.at(at) << 8U | bytes.at(at + 1));
  }

  Result<void> add(const test::Connection& connection) {
    if (connection.states != 0) state_ = match::State{connection.states};
    if (connection.direction != ConnDirection::Any)
      direction_ = match::CtDirection{connection.direction == ConnDirection::Reply};
    return {};
  }
  Result<void> add(const test::TcpOption& option) {
    if (option.kind == 0) return cannot("TCP option 0");  // which is "any" to the kernel's match
    option_ = Number{option.kind, option.negated};
    return {};
  }
  Result<void> add(const test::ConnectionLimit& limit) {
    limit_ = match::ConnLimit{limit.above, limit.negated};
    return {};
  }
  Result<void> add(const test::Ipset& set) {
    set_ = match::InSet{set.name, set.target, set.negated};
    return {};
  }
  Result<void> add(const test::OneOf&) { return cannot("a set of values"); }
  Result<void> add(const test::Member&) { return cannot("a port's set of values"); }
  Result<void> add(const test::GratuitousArp&) { return cannot("ARP"); }

  std::vector<PortPair> port_alternatives() const {
    if (!pair_) return {ports_};
    return {PortPair{(*pair_)[0], std::nullopt}, PortPair{std::nullopt, (*pair_)[1]}};
  }

  /// Type and code are one match and negated as one. A program says the same in two rules, one behind the other:
  /// another type; this type and another code. The second is said whole here, which the first changes nothing of.
  std::optional<match::Icmp> icmp() const {
    if (!icmp_type_) return std::nullopt;
    if (!icmp_code_) return match::Icmp{icmp_type_->low, 0, 255, icmp_type_->negated};
    return match::Icmp{icmp_type_->low, icmp_code_->low, icmp_code_->high, icmp_code_->negated};
  }

  /// In the order in which libvirt writes its options.
  IpRule assemble(const PortPair& ports) const {
    IpRule rule = out_;
    rule.origin = {rule_.origin};
    const auto add = [&](const auto& match) {
      if (match) rule.matches.emplace_back(*match);
    };
    add(mac_);
    if (range_.source) rule.matches.emplace_back(match::IpRange{range_.source, std::nullopt});
    if (range_.target) rule.matches.emplace_back(match::IpRange{std::nullopt, range_.target});
    add(dscp_);
    const bool any_port = ports[0] || ports[1];
    if (rule.protocol == kTcp && (any_port || tcp_flags_ || option_))
      rule.matches.emplace_back(match::Tcp{ports[0], ports[1], tcp_flags_, tcp_flags_negated_, option_});
    if (rule.protocol == kUdp && any_port) rule.matches.emplace_back(match::Udp{ports[0], ports[1]});
    if (rule.protocol == kSctp && any_port) rule.matches.emplace_back(match::Sctp{ports[0], ports[1]});
    add(icmp());
    add(state_);
    add(direction_);
    add(limit_);
    add(set_);
    if (!rule_.comment.empty()) rule.matches.emplace_back(match::Comment{rule_.comment});
    return rule;
  }

  const ProgramRule& rule_;
  const bool ipv6_;
  IpRule out_;
  std::optional<match::MacSource> mac_;
  match::IpRange range_;
  std::optional<match::Dscp> dscp_;
  PortPair ports_;
  std::optional<PortPair> pair_;
  std::optional<std::array<std::uint8_t, 2>> tcp_flags_;
  bool tcp_flags_negated_ = false;
  std::optional<Number> option_;
  std::optional<Span<std::uint8_t>> icmp_type_, icmp_code_;
  std::optional<match::State> state_;
  std::optional<match::CtDirection> direction_;
  std::optional<match::ConnLimit> limit_;
  std::optional<match::InSet> set_;
};

}  // namespace

Result<std::vector<IpRule>> ip_rules(const ProgramRule& rule, bool ipv6, const PortName& port,
                                     const Variables& variables) {
  NWF_TRY(const auto lists, with_values(rule, port, variables));
  std::vector<IpRule> rules;
  for (const auto& tests : lists) {
    NWF_TRY(auto more, IpDecoder(rule, ipv6).run(tests));
    for (IpRule& one : more) rules.push_back(std::move(one));
  }
  return rules;
}

}  // namespace nwf::legacy
