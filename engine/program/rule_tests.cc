// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/rule_tests.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/program/packet_field.h"

namespace nwf {
namespace {

/// libvirt: the guest's own address, always exactly one.
constexpr std::string_view kMacVariable = "MAC";

Bytes prefix_mask(std::size_t width, unsigned prefix) {
  Bytes mask(width);
  for (std::size_t i = 0; i < prefix && i < width * 8; ++i) mask[i / 8] |= static_cast<std::uint8_t>(0x80U >> (i % 8));
  return mask;
}

Bytes masked(Bytes value, const Bytes& mask) {
  if (!mask.empty())
    for (std::size_t i = 0; i < value.size(); ++i) value[i] &= mask[i];
  return value;
}

Bytes combined(const Bytes& a, const Bytes& b) {
  if (a.empty()) return b;
  return masked(a, b);
}

/// An attribute as this view sees it.
struct Seen {
  Field field;
  bool negated;
  const Operand* operand;
  const Source* source;
};

/// A variable of the rule: where it is used and which values it has.
struct Access {
  std::size_t attribute;  ///< index into the seen attributes
  VariableRef ref;
  const std::vector<std::string>* values;
  bool of_binding;
};

/// Variables that step together.
struct Group {
  std::vector<Access> accesses;
  std::size_t length = 0;
};

/// What an attribute is worth in one combination: a literal, or the set its group is looked up in.
struct Settled {
  bool negated = false;
  std::optional<Literal> literal;
  bool shared = false;   ///< tested through its group's set
  bool vacuous = false;  ///< a negated list of different values: always true
  const Source* source = nullptr;
};
using SettledFields = std::map<Field, Settled>;

class RuleCompiler {
 public:
  RuleCompiler(const FlatRule& flat, const RuleView& view, const Variables& variables, Shape& shape)
      : flat_(flat), rule_(*flat.rule), view_(view), variables_(variables), shape_(shape) {}

  Result<RuleTests> run() {
    collect();
    RuleTests result;
    if (view_.without_source_mac && dropped_source_mac_ && std::none_of(seen_.begin(), seen_.end(), describes_packet)) {
      result.nothing_left = true;
      return result;
    }
    NWF_CHECK(group());
    NWF_CHECK(settle());
    NWF_CHECK(combine(result));
    return result;
  }

 private:
  /// False for what libvirt adds to a rule only after it has looked whether anything is left of it.
  static bool describes_packet(const Seen& seen) {
    return seen.field != Field::State && seen.field != Field::Ipset && seen.field != Field::IpsetFlags &&
           seen.field != Field::IcmpCode;
  }

  /// libvirt 9.0 asks the source port whether the target port is negated (its iptablesHandlePortData).
  bool negated(const Attribute& attribute) const {
    const bool target = attribute.field == Field::DstPortStart || attribute.field == Field::DstPortEnd;
    if (!target || layer_of(rule_.protocol) != Layer::Inet) return attribute.negated;
    const Attribute* source = rule_.find(Field::SrcPortStart);
    return source != nullptr && source->negated;
  }

  void collect() {
    for (const Attribute& attribute : rule_.attributes) {
      if (attribute.field == Field::Comment) continue;
      if (view_.without_source_mac && attribute.field == Field::SrcMac) {
        dropped_source_mac_ = true;
        continue;
      }
      const Field field = view_.mirrored ? row_of(attribute.field).mirror : attribute.field;
      seen_.push_back({field, negated(attribute), &attribute.value, &attribute.source});
    }
    // libvirt 9.0 forgets the source's mask in the same buffer: a target address without one gets it too.
    const Attribute* mask = rule_.find(Field::ArpSrcIpMask);
    if (mask != nullptr && rule_.find(Field::ArpSrcIp) != nullptr && rule_.find(Field::ArpDstIp) != nullptr &&
        rule_.find(Field::ArpDstIpMask) == nullptr)
      seen_.push_back(
          {view_.mirrored ? Field::ArpSrcIpMask : Field::ArpDstIpMask, mask->negated, &mask->value, &mask->source});
  }

  /// Finds every variable's values and the groups that step together.
  Result<void> group() {
    std::map<std::string, Group> groups;
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      const auto* ref = std::get_if<VariableRef>(seen_[i].operand);
      if (ref == nullptr) continue;
      const auto own = variables_.find(ref->name);
      const auto given = flat_.parameters.find(ref->name);
      const bool of_binding = own != variables_.end();
      if (!of_binding && given == flat_.parameters.end()) return fail(missing(*ref, *seen_[i].source));
      if (given != flat_.parameters.end())
        shape_.add({of_binding ? Fact::Kind::Defined : Fact::Kind::NotDefined,
                    ref->name,
                    {},
                    fmt::format("{}: a reference gives ${}", flat_.origin(), ref->name)});
      // Every binding has a MAC address.
      if (of_binding && ref->name != "MAC") shape_.add({Fact::Kind::Given, ref->name, {}, {}});
      const auto& values = of_binding ? own->second : given->second;
      const bool subscript = ref->access == VariableRef::Access::Subscript;
      if (subscript && ref->index >= values.size())
        return fail({ErrorKind::Invalid,
                     fmt::format("{} is out of range: ${} has {} value{}", ref->text(), ref->name, values.size(),
                                 values.size() == 1 ? "" : "s"),
                     *seen_[i].source,
                     fmt::format("use an index up to {}", values.size() - 1),
                     {}});
      if (subscript && of_binding) shape_.add({Fact::Kind::More, ref->name, {std::to_string(ref->index)}, {}});
      Group& group = groups[subscript ? "subscript " + ref->text() : fmt::format("iterator {}", ref->index)];
      const std::size_t length = subscript ? 1 : values.size();
      if (group.accesses.empty()) group.length = length;
      if (group.length != length)
        return fail({ErrorKind::Invalid,
                     fmt::format("${} has {} values and ${} has {}; variables on the same iterator step together",
                                 group.accesses.front().ref.name, group.length, ref->name, length),
                     *seen_[i].source,
                     "give both the same number of values, or different iterators: $A[@1], $B[@2]",
                     {}});
      if (!group.accesses.empty() && !subscript) {
        const auto& first = group.accesses.front();
        if (of_binding && first.of_binding)
          shape_.add({Fact::Kind::AsMany, ref->name, {first.ref.name}, {}});
        else if (of_binding || first.of_binding)
          shape_.add({Fact::Kind::Count, of_binding ? ref->name : first.ref.name, {std::to_string(length)}, {}});
      }
      group.accesses.push_back({i, *ref, &values, of_binding});
    }
    for (auto& [key, value] : groups) groups_.push_back(std::move(value));
    return {};
  }

  Error missing(const VariableRef& ref, const Source& source) const {
    Error error{ErrorKind::Invalid,
                fmt::format("{} needs ${}, which nobody gives", flat_.origin(), ref.name),
                source,
                fmt::format("add <parameter name='{}' value='…'/> to the binding's <filterref>", ref.name),
                {}};
    if (ref.name == "IP")
      error.remedy =
          "add <parameter name='IP' value='…'/> to the binding's <filterref>, or <ip address='…'/> to the <interface>";
    return error;
  }

  const std::string& text_of(const Access& access, std::size_t step) const {
    return (*access.values)[access.ref.access == VariableRef::Access::Subscript ? access.ref.index : step];
  }

  const Seen* companion(Field base, Role role) const {
    for (const Seen& seen : seen_) {
      const FieldRow& row = row_of(seen.field);
      if (row.base == base && row.role == role) return &seen;
    }
    return nullptr;
  }

  /// The mask that a literal companion gives to `field`; empty when there is none.
  Bytes literal_mask(Field field) const {
    const Seen* mask = companion(field, Role::Mask);
    if (mask == nullptr) return {};
    const auto* literal = std::get_if<Literal>(mask->operand);
    return literal == nullptr ? Bytes{} : mask_bytes(field, *literal);
  }

  Bytes mask_bytes(Field field, const Literal& mask) const {
    const std::size_t width = packet_field(field, rule_.protocol).length;
    if (mask.bytes.size() == 1) return prefix_mask(width, mask.bytes[0]);
    return mask.bytes;
  }

  /// Where iptables compares ports itself, and not a match of its own.
  bool looks_at_port_pairs() const {
    return rule_.protocol == Protocol::Tcp || rule_.protocol == Protocol::Udp || rule_.protocol == Protocol::TcpIpv6 ||
           rule_.protocol == Protocol::UdpIpv6;
  }

  bool simple(const Access& access) const {
    const Seen& seen = seen_[access.attribute];
    if (!access.of_binding || !can_be_set_key(seen.field)) return false;
    const bool port = seen.field == Field::SrcPortStart || seen.field == Field::DstPortStart;
    if (port && seen.negated && looks_at_port_pairs() && rule_.find(Field::DstPortStart) != nullptr)
      return false;  // a constant, so that negated_port_pair() can see it
    if (companion(seen.field, Role::RangeEnd) != nullptr) return false;
    const Seen* mask = companion(seen.field, Role::Mask);
    return mask == nullptr || std::holds_alternative<Literal>(*mask->operand);
  }

  PacketField field_of(Field field) const {
    PacketField at = packet_field(field, rule_.protocol);
    at.mask = combined(at.mask, literal_mask(field));
    return at;
  }

  ValueColumn column_of(const Access& access) const {
    const Field field = seen_[access.attribute].field;
    const PacketField at = field_of(field);
    // All columns of a set step together, whichever iterator the rule has them on: the same values, the same set.
    VariableRef variable = access.ref;
    if (variable.access == VariableRef::Access::Iterator) variable.index = 0;
    return {std::move(variable), row_of(field).kind, {at.type, at.length}, at.mask};
  }

  /// Decides for each group: set elements, or constants in the program.
  Result<void> settle() {
    for (const Seen& seen : seen_) {
      Settled& settled = settled_[seen.field];
      settled.negated = seen.negated;
      settled.source = seen.source;
      if (const auto* literal = std::get_if<Literal>(seen.operand)) settled.literal = *literal;
    }
    for (const Group& group : groups_) NWF_CHECK(settle(group));
    return {};
  }

  Result<void> settle(const Group& group) {
    const auto& accesses = group.accesses;
    const bool all_simple = std::all_of(accesses.begin(), accesses.end(), [&](const Access& a) { return simple(a); });
    const bool negated =
        std::any_of(accesses.begin(), accesses.end(), [&](const Access& a) { return seen_[a.attribute].negated; });
    if (all_simple && !negated) {
      const bool only_mac =
          std::all_of(accesses.begin(), accesses.end(), [](const Access& a) { return a.ref.name == kMacVariable; });
      if (only_mac || can_be_one_key(accesses)) {
        // One value a variable: looking each up by itself means the same and needs no set of its own.
        share(accesses, only_mac);
        return check_values(group);
      }
    }
    if (all_simple && negated && accesses.size() == 1) return settle_negated(group);
    return specialise(group);
  }

  bool can_be_one_key(const std::vector<Access>& accesses) const {
    std::vector<ValueColumn> columns;
    columns.reserve(accesses.size());
    for (const Access& access : accesses) columns.push_back(column_of(access));
    return nwf::can_be_one_key(columns);
  }

  void share(const std::vector<Access>& accesses, bool one_by_one) {
    test::Member tuple;
    for (const Access& access : accesses) {
      const Field field = seen_[access.attribute].field;
      settled_[field].shared = true;
      if (one_by_one) {
        members_.push_back({{field_of(field)}, {{column_of(access)}}, false});
      } else {
        tuple.fields.push_back(field_of(field));
        tuple.set.columns.push_back(column_of(access));
      }
    }
    if (!one_by_one) members_.push_back(std::move(tuple));
  }

  /// `! field == value` for each value of a list is an "or": with two different values it is always true.
  Result<void> settle_negated(const Group& group) {
    NWF_CHECK(check_values(group));
    const Access& access = group.accesses.front();
    const Field field = seen_[access.attribute].field;
    const PacketField at = field_of(field);
    std::set<Bytes> values;
    for (std::size_t step = 0; step < group.length; ++step) {
      NWF_TRY(const Literal literal, parse(access, step));
      values.insert(masked(literal.bytes, at.mask));
    }
    if (values.size() == 1 && (access.ref.access == VariableRef::Access::Subscript || access.values->size() == 1 ||
                               Fact{Fact::Kind::Single, access.ref.name, {}, {}}.holds(variables_))) {
      if (access.ref.name != kMacVariable && access.ref.access == VariableRef::Access::Iterator)
        shape_.add(
            {Fact::Kind::Single, access.ref.name, {}, fmt::format("{}: match='no' with one value", flat_.origin())});
      members_.push_back({{at}, {{column_of(access)}}, true});
      settled_[field].shared = true;
      return {};
    }
    // A transport field may be missing (fragments), and then nothing about it is true; a mask may make two
    // values one. Neither is worth a clever form.
    if (values.size() > 1 && at.base != PayloadBase::Transport && at.mask.empty()) {
      shape_.add({Fact::Kind::Values, access.ref.name, *access.values,
                  fmt::format("{}: match='no' with a list of values", flat_.origin())});
      settled_[field].vacuous = true;
      return {};
    }
    return specialise(group);
  }

  Result<void> specialise(const Group& group) {
    NWF_CHECK(check_values(group));
    for (const Access& access : group.accesses)
      if (access.of_binding && access.ref.name != kMacVariable)
        shape_.add({Fact::Kind::Values, access.ref.name, *access.values,
                    fmt::format("{}: ${} in {} cannot be a set element", flat_.origin(), access.ref.name,
                                row_of(seen_[access.attribute].field).name)});
      else if (access.of_binding)
        shape_.add({Fact::Kind::Values, access.ref.name, *access.values,
                    fmt::format("{}: $MAC as a constant", flat_.origin())});
    expanded_.push_back(&group);
    return {};
  }

  Result<Literal> parse(const Access& access, std::size_t step) const {
    const Seen& seen = seen_[access.attribute];
    auto literal = parse_literal(row_of(seen.field).kind, text_of(access, step));
    if (!literal)
      return fail(std::move(literal)
                      .error()
                      .in(fmt::format("value '{}' of ${} in {}", text_of(access, step), access.ref.name,
                                      row_of(seen.field).name))
                      .at(*seen.source));
    return literal;
  }

  Result<void> check_values(const Group& group) const {
    for (const Access& access : group.accesses)
      for (std::size_t step = 0; step < group.length; ++step) NWF_CHECK(parse(access, step));
    return {};
  }

  /// Every combination of the expanded groups' steps, each tuple of values once.
  Result<void> combine(RuleTests& result) {
    std::vector<std::vector<std::size_t>> steps;
    for (const Group* group : expanded_) {
      std::vector<std::size_t> kept;
      std::set<std::vector<std::string>> seen;
      for (std::size_t step = 0; step < group->length; ++step) {
        std::vector<std::string> tuple;
        for (const Access& access : group->accesses) tuple.push_back(text_of(access, step));
        if (seen.insert(std::move(tuple)).second) kept.push_back(step);
      }
      steps.push_back(std::move(kept));
    }
    std::vector<std::size_t> at(expanded_.size(), 0);
    while (true) {
      SettledFields fields = settled_;
      for (std::size_t g = 0; g < expanded_.size(); ++g)
        for (const Access& access : expanded_[g]->accesses) {
          NWF_TRY(auto literal, parse(access, steps[g][at[g]]));
          fields[seen_[access.attribute].field].literal = std::move(literal);
        }
      NWF_CHECK(build(fields, result));
      std::size_t g = 0;
      while (g < at.size() && ++at[g] == steps[g].size()) at[g++] = 0;
      if (g == at.size()) return {};
    }
  }

  /// One combination: the tests of its attributes.
  Result<void> build(const SettledFields& fields, RuleTests& result) const;
  Result<void> add_plain(const SettledFields& fields, Field field, Conjunction& out) const;
  Result<std::vector<Conjunction>> icmp(const SettledFields& fields) const;
  Result<Conjunction> stp(const SettledFields& fields) const;
  std::optional<Test> negated_port_pair(const SettledFields& fields) const;
  Result<std::optional<Test>> range_or_compare(const SettledFields& fields, Field field) const;
  Result<void> check_range(const SettledFields& fields, Field field) const;

  const FlatRule& flat_;
  const FilterRule& rule_;
  const RuleView& view_;
  const Variables& variables_;
  Shape& shape_;
  std::vector<Seen> seen_;
  bool dropped_source_mac_ = false;
  std::vector<Group> groups_;
  std::vector<const Group*> expanded_;
  std::vector<test::Member> members_;
  SettledFields settled_;
};

/// libvirt 9.0 hands ebtables the EtherType in decimal, ebtables reads it as hexadecimal into 16 bits: 0x0806
/// becomes 0x2054, 0x88b5 (34997) becomes 0x4997 (docs/compatibility.md).
std::uint64_t ebtables_vlan_encap(std::uint64_t type) {
  return std::stoull(std::to_string(type), nullptr, 16) & 0xffffU;
}

bool is_stp(Field field) { return field >= Field::StpType && field <= Field::StpForwardDelayHi; }

/// What a packet must be for its addresses to lie where RFC 826 puts Ethernet's and IPv4's. As in
/// linux/net/bridge/netfilter/ebt_arp.c, a hardware address is looked at only in an Ethernet ARP, a protocol address
/// only in an IPv4 one.
void add_arp_header(const SettledFields& fields, Conjunction& tests) {
  const auto uses = [&](Field field) { return fields.contains(field); };
  const bool mac = uses(Field::ArpSrcMac) || uses(Field::ArpDstMac);
  const auto gratuitous = fields.find(Field::ArpGratuitous);
  const bool ip = uses(Field::ArpSrcIp) || uses(Field::ArpDstIp) ||
                  (gratuitous != fields.end() && gratuitous->second.literal->bytes[0] != 0);
  const auto is = [&](Field field, std::uint16_t value) {
    tests.emplace_back(test::Compare{packet_field(field, Protocol::Arp), to_bytes(value, 2), false});
  };
  if (mac) is(Field::ArpHwType, 1);  // ARPHRD_ETHER
  if (ip) is(Field::ArpProtocolType, ethertype::kIpv4);
  if (mac || ip) tests.emplace_back(test::Compare{arp_hardware_length_field(), {6}, false});
  if (ip || uses(Field::ArpDstMac)) tests.emplace_back(test::Compare{arp_protocol_length_field(), {4}, false});
}

Result<void> RuleCompiler::check_range(const SettledFields& fields, Field field) const {
  const auto start = fields.find(field);
  if (start == fields.end() || !start->second.literal) return {};
  for (const auto& [other, end] : fields)
    if (row_of(other).base == field && row_of(other).role == Role::RangeEnd &&
        end.literal->bytes < start->second.literal->bytes)
      return fail({ErrorKind::Invalid,
                   fmt::format("{}: the range of {} ends ({}) before it starts ({})", flat_.origin(),
                               row_of(field).name, end.literal->text, start->second.literal->text),
                   *start->second.source,
                   "swap the two ends",
                   {}});
  return {};
}

/// A test of a field by its literal, with its mask or its range end. Nothing when it is settled otherwise.
Result<std::optional<Test>> RuleCompiler::range_or_compare(const SettledFields& fields, Field field) const {
  const Settled& settled = fields.at(field);
  if (settled.shared || settled.vacuous) return std::optional<Test>{};
  PacketField at = packet_field(field, rule_.protocol);
  const Field* end = nullptr;
  const Settled* mask = nullptr;
  for (const auto& [other, value] : fields) {
    if (row_of(other).base != field) continue;
    if (row_of(other).role == Role::RangeEnd) end = &other;
    if (row_of(other).role == Role::Mask) mask = &value;
  }
  const Bytes& low = settled.literal->bytes;
  if (end != nullptr && fields.at(*end).literal->bytes != low) {
    NWF_CHECK(check_range(fields, field));
    const Bytes& high = fields.at(*end).literal->bytes;
    return std::optional<Test>{test::Range{at, low, high, settled.negated}};
  }
  Bytes value = low;
  if (field == Field::Dscp && rule_.protocol != Protocol::Ip)
    value = is_ipv6(rule_.protocol) ? to_bytes(to_number(value) << 6U, 2) : to_bytes(to_number(value) << 2U, 1);
  if (field == Field::VlanEncap) value = to_bytes(ebtables_vlan_encap(to_number(value)), 2);
  if (mask != nullptr) at.mask = combined(at.mask, mask_bytes(field, *mask->literal));
  return std::optional<Test>{test::Compare{at, masked(value, at.mask), settled.negated}};
}

Result<void> RuleCompiler::add_plain(const SettledFields& fields, Field field, Conjunction& out) const {
  const Settled& settled = fields.at(field);
  switch (field) {
    case Field::TcpFlags: {
      PacketField at = packet_field(field, rule_.protocol);
      at.mask = {settled.literal->bytes[0]};
      out.emplace_back(test::Compare{at, {settled.literal->bytes[1]}, settled.negated});
      return {};
    }
    case Field::TcpOption:
      out.emplace_back(test::TcpOption{settled.literal->bytes[0], settled.negated});
      return {};
    case Field::ArpGratuitous:
      if (settled.literal->bytes[0] != 0)
        out.emplace_back(test::GratuitousArp{settled.negated, rule_.protocol == Protocol::Rarp});
      return {};
    case Field::Ipset: {
      test::Ipset set{settled.literal->text, {}, settled.negated};
      const auto flags = fields.find(Field::IpsetFlags);
      if (flags == fields.end())
        return fail({ErrorKind::Invalid,
                     fmt::format("{}: ipset='{}' needs ipsetflags", flat_.origin(), set.name),
                     *settled.source,
                     "say which addresses are looked up: ipsetflags='src'",
                     {}});
      for (const std::uint8_t target : flags->second.literal->bytes)
        set.target.push_back((target != 0) != view_.mirrored);
      out.emplace_back(std::move(set));
      return {};
    }
    case Field::ConnlimitAbove:
      // A number is inet_view()'s; a variable's are as many as the rule has steps.
      if (std::holds_alternative<VariableRef>(rule_.find(field)->value))
        out.emplace_back(
            test::ConnectionLimit{static_cast<std::uint16_t>(to_number(settled.literal->bytes)), settled.negated});
      return {};
    case Field::State:
    case Field::IpsetFlags:
      return {};  // state belongs to the flow, the flags to the ipset
    default:
      break;
  }
  NWF_TRY(auto made, range_or_compare(fields, field));
  if (made) out.push_back(std::move(*made));
  return {};
}

/// ICMP type and code of the inet layer, or the ranges of the ethernet layer's ipv6: one match, negated as a whole.
Result<std::vector<Conjunction>> RuleCompiler::icmp(const SettledFields& fields) const {
  using Alternatives = std::vector<Conjunction>;
  const auto type = fields.find(Field::IcmpType);
  if (type == fields.end()) return Alternatives{{}};  // a code alone says nothing, as in libvirt
  for (const Field field : {Field::IcmpType, Field::IcmpCode}) NWF_CHECK(check_range(fields, field));
  const bool negated = type->second.negated;
  const auto part = [&](Field field, Field end) -> std::optional<test::Range> {
    const auto found = fields.find(field);
    if (found == fields.end()) return std::nullopt;
    const Bytes low = found->second.literal->bytes;
    const auto last = fields.find(end);
    return test::Range{packet_field(field, rule_.protocol), low,
                       last == fields.end() ? low : last->second.literal->bytes, false};
  };
  const auto as_test = [](const test::Range& range, bool no) -> Test {
    if (range.low == range.high) return test::Compare{range.field, range.low, no};
    return test::Range{range.field, range.low, range.high, no};
  };
  // iptables: type 255 is "any", and then the code does not count either
  if (rule_.protocol == Protocol::Icmp && type->second.literal->bytes[0] == 255) {
    if (negated) return Alternatives{};
    return Alternatives{{}};
  }
  const test::Range kind = *part(Field::IcmpType, Field::IcmpTypeEnd);
  const auto code = part(Field::IcmpCode, Field::IcmpCodeEnd);
  if (!negated) {
    Conjunction both{as_test(kind, false)};
    if (code) both.push_back(as_test(*code, false));
    return Alternatives{both};
  }
  std::vector<Conjunction> either{{as_test(kind, true)}};
  if (code) either.push_back({as_test(kind, false), as_test(*code, true)});
  return either;
}

/// BPDUs, as linux/net/bridge/netfilter/ebt_stp.c looks at them: nothing but a head of six certain bytes.
Result<Conjunction> RuleCompiler::stp(const SettledFields& fields) const {
  Conjunction tests;
  for (const auto& [field, settled] : fields) {
    if (!is_stp(field)) continue;
    if (tests.empty()) tests.emplace_back(test::Compare{stp_header_field(), {0x42, 0x42, 0x03, 0, 0, 0}, false});
    if (row_of(field).role == Role::Value) NWF_CHECK(add_plain(fields, field, tests));
  }
  return tests;
}

/// Debian 12's iptables compares two single ports that are negated as one number of 32 bits: what is not the pair
/// matches, though one of the ports may be the rule's. Nothing where the ports are compared each for itself.
std::optional<Test> RuleCompiler::negated_port_pair(const SettledFields& fields) const {
  if (!looks_at_port_pairs()) return std::nullopt;
  Bytes pair;
  for (const auto& [start, end] :
       {std::pair{Field::SrcPortStart, Field::SrcPortEnd}, std::pair{Field::DstPortStart, Field::DstPortEnd}}) {
    const auto port = fields.find(start);
    if (port == fields.end() || !port->second.negated || !port->second.literal) return std::nullopt;
    const Bytes& value = port->second.literal->bytes;
    const auto last = fields.find(end);
    const bool single = last == fields.end() || (last->second.literal && last->second.literal->bytes == value);
    if (!single || to_number(value) == 0) return std::nullopt;
    pair.insert(pair.end(), value.begin(), value.end());
  }
  return test::Compare{port_pair_field(), std::move(pair), true};
}

Result<void> RuleCompiler::build(const SettledFields& fields, RuleTests& result) const {
  Conjunction tests;
  if (const auto guard = protocol_guard(rule_.protocol)) tests.emplace_back(*guard);
  if (const int number = ip_protocol_of(rule_.protocol); number >= 0)
    tests.emplace_back(test::Compare{l4proto_field(), to_bytes(static_cast<std::uint64_t>(number), 1), false});
  if (rule_.protocol == Protocol::Stp && view_.mirrored && fields.contains(Field::DstMac))
    return fail({ErrorKind::Invalid,
                 fmt::format("{}: stp with srcmacaddr cannot be inout", flat_.origin()),
                 rule_.source,
                 "write one rule for each direction",
                 {}});
  if (rule_.protocol == Protocol::Arp || rule_.protocol == Protocol::Rarp) add_arp_header(fields, tests);
  const auto ports = negated_port_pair(fields);
  if (ports) tests.push_back(*ports);
  Conjunction costly;
  for (const auto& [field, settled] : fields) {
    const FieldRow& row = row_of(field);
    if (row.role != Role::Value || is_stp(field)) continue;
    if (field == Field::IcmpType || field == Field::IcmpCode) continue;
    if (ports && (field == Field::SrcPortStart || field == Field::DstPortStart)) continue;
    NWF_CHECK(add_plain(fields, field, field == Field::ArpGratuitous ? costly : tests));
  }
  for (const test::Member& member : members_) tests.emplace_back(member);
  tests.insert(tests.end(), costly.begin(), costly.end());

  NWF_TRY(std::vector<Conjunction> endings, icmp(fields));
  if (rule_.protocol == Protocol::Stp) {
    NWF_TRY(Conjunction bpdu, stp(fields));
    endings = {std::move(bpdu)};
  }
  for (const Conjunction& ending : endings) {
    Conjunction whole = tests;
    whole.insert(whole.end(), ending.begin(), ending.end());
    result.alternatives.push_back(std::move(whole));
  }
  return {};
}

}  // namespace

Result<RuleTests> rule_tests(const FlatRule& flat, const RuleView& view, const Variables& variables, Shape& shape) {
  return RuleCompiler(flat, view, variables, shape).run();
}

}  // namespace nwf
