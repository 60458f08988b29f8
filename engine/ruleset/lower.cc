// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/lower.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "engine/program/packet_field.h"
#include "engine/ruleset/drops.h"
#include "engine/ruleset/fingerprint.h"
#include "engine/ruleset/state.h"
#include "engine/utf8.h"

namespace nwf {
namespace {

constexpr Register kAfterPort = PortName::kSize / 4;
/// nft has names for what is in ARP packets, and none for RARP: sets of their own, whose types say so.
constexpr std::string_view kArpPairs = "arp-pairs", kRarpPairs = "rarp-pairs";

Register words(std::size_t bytes) { return static_cast<Register>((bytes + 3) / 4); }

std::string_view flow_name(std::size_t flow) {
  constexpr std::string_view kNames[] = {"eth-out", "eth-in", "inet-out", "inet-in"};
  return kNames[flow];
}

/// A name nft can read back: it starts with a letter and has no characters but letters, digits, '_', '-' and '.'.
std::string kernel_name(const std::string& name) {
  std::string out;
  bool changed = name.size() > 100;
  for (const char c : name.substr(0, 100)) {
    const bool fine = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
    changed = changed || !fine;
    out += fine ? c : '_';
  }
  if (out.empty() || std::isalpha(static_cast<unsigned char>(out[0])) == 0) {
    out = "f_" + out;
    changed = true;
  }
  if (changed) out += fmt::format("_{:08x}", static_cast<std::uint32_t>(fnv1a(name)));
  return out;
}

std::string comment(std::string text) {
  text.resize(utf8_start(text, kMaxComment).size());
  return text;
}

class Lowering {
 public:
  Lowering(const Program& program, const Capabilities& capabilities, const LowerOptions& options)
      : program_(program), capabilities_(capabilities), options_(options), base_(kernel_name(program.name)) {
    out_.name = program.name;
    out_.ports = "ports." + base_;
  }

  Result<LoweredProgram> run() {
    for (flow_ = 0; flow_ < kFlowCount; ++flow_) {
      const Flow& flow = program_.flows[flow_];
      if (flow.empty()) continue;
      out_.entry[flow_] = chain_name(flow.chains[0].name);
      for (const ProgramChain& chain : flow.chains) {
        Chain lowered;
        lowered.name = chain_name(chain.name);
        ipv6_ = chain.name == "ip6";
        for (const ProgramEntry& entry : chain.entries) NWF_CHECK(lower(entry, flow, lowered));
        if (flow_layer(flow_) == Layer::Ethernet && &chain != &flow.chains[0]) end_with_accept(chain.name, lowered);
        lowered.comment = comment(fmt::format("filter {}, chain {}", utf8_start(program_.filter, 90), chain.name));
        seal(lowered);
        out_.rules += lowered.rules.size();
        out_.chains.push_back(std::move(lowered));
      }
    }
    for (const ValueSet& set : program_.sets) {
      Set lowered = set.set();
      lowered.comment = "values of ports' variables";
      out_.sets.push_back(std::move(lowered));
    }
    for (auto& [name, set] : own_sets_) out_.sets.push_back(set);
    return std::move(out_);
  }

 private:
  std::string chain_name(const std::string& chain) const {
    const std::string name = fmt::format("{}.{}", base_, flow_name(flow_));
    return chain == "root" ? name : name + "." + chain;
  }

  bool outward() const { return flow_direction(flow_) == Direction::Out; }

  expr::MetaLoad load_port() const { return {outward() ? MetaKey::InterfaceIn : MetaKey::InterfaceOut, 0}; }

  /// It tests nothing and lets nothing by.
  static bool ends_always(const Rule& rule) {
    if (rule.expressions.empty()) return false;
    const auto* verdict = std::get_if<expr::Immediate>(&rule.expressions.back());
    if (verdict == nullptr || verdict->verdict.code == VerdictCode::Jump) return false;
    return std::all_of(rule.expressions.begin(), rule.expressions.end() - 1, [](const Expression& expression) {
      return std::holds_alternative<expr::ImmediateData>(expression) ||
             std::holds_alternative<expr::MetaSetMark>(expression);
    });
  }

  /// A chain of ebtables that nobody gave a policy accepts what comes to its end: the root chain's rules behind the
  /// jump see only what a rule returned.
  void end_with_accept(const std::string& name, Chain& chain) const {
    if (!chain.rules.empty() && ends_always(chain.rules.back())) return;  // nothing comes to its end
    Rule rule;
    rule.comment = comment(fmt::format("chain {}: its end", name));
    rule.expressions.emplace_back(expr::Immediate{{VerdictCode::Accept, {}}});
    chain.rules.push_back(std::move(rule));
  }

  Result<void> lower(const ProgramEntry& entry, const Flow& flow, Chain& chain) {
    if (const auto* target = std::get_if<std::size_t>(&entry.what)) {
      const ProgramChain& next = flow.chains[*target];
      Rule rule;
      rule.comment = comment("chain " + next.name);
      if (next.guard) add_compare(*next.guard, rule.expressions);
      // The inet layer's two chains exclude each other; from the ethernet layer's a rule may return.
      const VerdictCode code = flow_layer(flow_) == Layer::Inet ? VerdictCode::Goto : VerdictCode::Jump;
      rule.expressions.emplace_back(expr::Immediate{{code, chain_name(next.name)}});
      chain.rules.push_back(std::move(rule));
      return {};
    }
    return lower(std::get<ProgramRule>(entry.what), chain);
  }

  Result<void> lower(const ProgramRule& rule, Chain& chain) {
    if (rule.action == Action::Continue) return {};  // goes on whatever the packet: no rule needed
    std::vector<Expression> tests;
    std::vector<std::vector<Expression>> states{{}};
    std::vector<Expression> late;
    const test::GratuitousArp* arp_pair = nullptr;
    bool marked_limit = false;
    if (flow_layer(flow_) == Layer::Inet && looks_into_ip(rule)) add_compare(ip_guard(), tests);
    for (const Test& test : rule.tests) {
      if (const auto* compare = std::get_if<test::Compare>(&test)) {
        add_compare(*compare, tests);
      } else if (const auto* range = std::get_if<test::Range>(&test)) {
        add_load(range->field, 0, tests);
        tests.emplace_back(expr::Range{0, !range->negated, range->low, range->high});
      } else if (const auto* any = std::get_if<test::OneOf>(&test)) {
        add_one_of(*any, tests);
      } else if (const auto* member = std::get_if<test::Member>(&test)) {
        add_member(*member, tests);
      } else if (const auto* option = std::get_if<test::TcpOption>(&test)) {
        tests.emplace_back(expr::TcpOptionExists{option->kind, 0});
        tests.emplace_back(expr::Compare{0, option->negated ? CompareOp::NotEqual : CompareOp::Equal, {1}});
      } else if (const auto* connection = std::get_if<test::Connection>(&test)) {
        NWF_TRY(states, connection_tests(*connection, rule));
      } else if (const auto* gratuitous = std::get_if<test::GratuitousArp>(&test)) {
        arp_pair = gratuitous;
        add_arp_pair(*gratuitous, late);
      } else if (const auto* limit = std::get_if<test::ConnectionLimit>(&test)) {
        NWF_TRY(marked_limit, add_limit(*limit, rule, chain, late));
      }
    }
    for (const auto& state : states) {
      Rule lowered;
      lowered.comment = comment(rule.origin);
      lowered.source = rule.source;
      lowered.expressions = tests;
      lowered.expressions.insert(lowered.expressions.end(), state.begin(), state.end());
      lowered.expressions.insert(lowered.expressions.end(), late.begin(), late.end());
      // A marked limit decides later, in the inet family; until then the packet goes on through the rules.
      if (!marked_limit) NWF_CHECK(add_action(rule, lowered.expressions));
      chain.rules.push_back(std::move(lowered));
    }
    if (arp_pair != nullptr) chain.rules.push_back(forget_arp_pair(rule, *arp_pair));
    return {};
  }

  /// The chain is for one version of IP already. Said again before a rule's addresses, nft shows them by name and can
  /// take its own listing back.
  test::Compare ip_guard() const {
    return {ether_type_field(), to_bytes(ipv6_ ? ethertype::kIpv6 : ethertype::kIpv4, 2), false};
  }
  static bool looks_into_ip(const ProgramRule& rule) {
    const auto inside = [](const PacketField& field) { return field.base == PayloadBase::Network && !field.l4proto; };
    return std::any_of(rule.tests.begin(), rule.tests.end(), [&](const Test& test) {
      if (const auto* compare = std::get_if<test::Compare>(&test)) return inside(compare->field);
      if (const auto* range = std::get_if<test::Range>(&test)) return inside(range->field);
      if (const auto* any = std::get_if<test::OneOf>(&test)) return inside(any->field);
      const auto* member = std::get_if<test::Member>(&test);
      return member != nullptr && std::any_of(member->fields.begin(), member->fields.end(), inside);
    });
  }

  void add_load(const PacketField& field, Register to, std::vector<Expression>& out) const {
    if (field.l4proto)
      out.emplace_back(expr::MetaLoad{MetaKey::L4Proto, to});
    else
      out.emplace_back(expr::Payload{field.base, field.offset, field.length, to});
    if (!field.mask.empty()) out.emplace_back(expr::Bitwise{to, to, field.mask, Bytes(field.mask.size())});
  }

  void add_compare(const test::Compare& compare, std::vector<Expression>& out) const {
    add_load(compare.field, 0, out);
    out.emplace_back(expr::Compare{0, compare.negated ? CompareOp::NotEqual : CompareOp::Equal, compare.value});
  }

  /// The set is the program's own: if several shared it, nobody would know when its elements may go.
  void add_one_of(const test::OneOf& any, std::vector<Expression>& out) {
    Set values;
    values.key = {{any.field.type, any.field.length}};
    std::string what = fmt::format("{}", static_cast<int>(any.field.type));
    std::set<Element> elements;
    for (const Bytes& value : any.values) {
      what += fmt::format(",{:02x}", fmt::join(value, ""));
      elements.insert({value, std::nullopt});
    }
    values.name = fmt::format("{}.any-{:016x}", base_, fnv1a(what));
    values.comment = "values that rules name";
    out_.constants.emplace(values.name, std::move(elements));
    add_load(any.field, 0, out);
    out.emplace_back(expr::Lookup{values.name, 0, false, false});
    own_sets_.emplace(values.name, std::move(values));
  }

  void add_member(const test::Member& member, std::vector<Expression>& out) const {
    out.emplace_back(load_port());
    Register at = kAfterPort;
    for (const PacketField& field : member.fields) {
      add_load(field, at, out);
      at = static_cast<Register>(at + words(field.length));
    }
    out.emplace_back(expr::Lookup{member.set.name(), 0, member.negated, false});
  }

  Result<std::vector<std::vector<Expression>>> connection_tests(const test::Connection& test, const ProgramRule& rule) {
    const StateMethod method = state_method(capabilities_, ipv6_);
    if (method == StateMethod::None)
      return fail(
          {ErrorKind::Unsupported,
           fmt::format("{}: this kernel has no connection state for bridged IPv{} packets", rule.origin, ipv6_ ? 6 : 4),
           rule.source,
           fmt::format("load nf_conntrack_bridge, or load br_netfilter and set net.bridge.bridge-nf-call-ip{}tables=1, "
                       "or write statematch='false'",
                       ipv6_ ? "6" : ""),
           {}});
    if (method == StateMethod::Mark) out_.needs.insert(Need::StateMark);
    return lower_connection(test, method, options_.mark);
  }

  /// nf_tables cannot compare two fields. The sender's address is put in a set, the target's looked up there,
  /// and the entry taken out again, all for one packet.
  void add_arp_pair(const test::GratuitousArp& test, std::vector<Expression>& out) {
    Set pairs;
    pairs.name = test.reverse ? kRarpPairs : kArpPairs;
    pairs.key = {{KeyType::IfName, PortName::kSize},
                 {test.reverse ? KeyType::Integer : KeyType::EtherAddr, 6},
                 {test.reverse ? KeyType::Integer : KeyType::Ipv4Addr, 4}};
    pairs.dynamic = true;
    pairs.timeout_seconds = 1;
    pairs.size = 65535;
    pairs.comment = "the ARP sender being compared with its target";
    own_sets_.emplace(pairs.name, pairs);
    load_arp_key(Field::ArpSrcIp, out);
    out.emplace_back(expr::DynamicSet{expr::DynamicSet::Op::Add, pairs.name, 0, 0, false});
    load_arp_key(Field::ArpDstIp, out);
    out.emplace_back(expr::Lookup{pairs.name, 0, test.negated, false});
    load_arp_key(Field::ArpSrcIp, out);
    out.emplace_back(expr::DynamicSet{expr::DynamicSet::Op::Delete, pairs.name, 0, 0, false});
  }

  void load_arp_key(Field address, std::vector<Expression>& out) const {
    out.emplace_back(load_port());
    add_load(packet_field(Field::ArpSrcMac, Protocol::Arp), kAfterPort, out);
    add_load(packet_field(address, Protocol::Arp), kAfterPort + 2, out);
  }

  Rule forget_arp_pair(const ProgramRule& rule, const test::GratuitousArp& test) const {
    Rule forget;
    forget.comment = comment(rule.origin + ": ends");
    forget.source = rule.source;
    add_compare(std::get<test::Compare>(rule.tests.front()), forget.expressions);
    load_arp_key(Field::ArpSrcIp, forget.expressions);
    forget.expressions.emplace_back(expr::DynamicSet{expr::DynamicSet::Op::Delete,
                                                     std::string(test.reverse ? kRarpPairs : kArpPairs), 0, 0, false});
    return forget;
  }

  void add_native_limit(const test::ConnectionLimit& limit, const ProgramRule& rule, const Chain& chain,
                        std::vector<Expression>& out) {
    Set counted;
    counted.name = fmt::format("{}.limit{}", chain.name, chain.rules.size());
    counted.key = {{KeyType::IfName, PortName::kSize},
                   ipv6_ ? KeyPart{KeyType::Ipv6Addr, 16} : KeyPart{KeyType::Ipv4Addr, 4}};
    counted.dynamic = true;
    counted.size = 65535;
    counted.comment = comment(rule.origin);
    out.emplace_back(load_port());
    add_load(packet_field(ipv6_ ? Field::SrcIp6 : Field::SrcIp4, ipv6_ ? Protocol::AllIpv6 : Protocol::All), kAfterPort,
             out);
    out.emplace_back(expr::DynamicSet{expr::DynamicSet::Op::Add, counted.name, 0, limit.above, true});
    own_sets_.emplace(counted.name, std::move(counted));
  }

  /// True when the limit is left to the inet family.
  Result<bool> add_limit(const test::ConnectionLimit& limit, const ProgramRule& rule, const Chain& chain,
                         std::vector<Expression>& out) {
    const auto unsupported = [&](std::string what) {
      return fail({ErrorKind::Unsupported,
                   fmt::format("{}: {}", rule.origin, what),
                   rule.source,
                   "count with connlimit-above in a drop rule, without match='no'",
                   {}});
    };
    if (limit.negated) return unsupported("connlimit-above with match='no' cannot be counted");
    const bool stops = rule.action == Action::Drop || rule.action == Action::Reject;
    const bool netfilter = (ipv6_ ? capabilities_.bridge_netfilter6 : capabilities_.bridge_netfilter4) == Probe::Yes;
    // libvirt counts what goes to the host apart from what is forwarded. Only the inet hooks tell the two apart,
    // so they count where they can.
    if (!(netfilter && stops)) {
      if (capabilities_.bridge_conntrack == Probe::Yes) {
        add_native_limit(limit, rule, chain, out);
        return false;
      }
      if (netfilter)
        return unsupported("without conntrack in the bridge family a connection limit can only drop or reject");
      return fail({ErrorKind::Unsupported,
                   fmt::format("{}: this kernel cannot count bridged connections", rule.origin),
                   rule.source,
                   "load nf_conntrack_bridge, or load br_netfilter",
                   {}});
    }
    const MarkedLimit marked{limit.above, rule.action == Action::Reject};
    out_.limits.insert(marked);
    for (Expression& expression : set_mark(options_.mark.limit_mask(), options_.mark.limit(limit_id(marked))))
      out.push_back(std::move(expression));
    return true;
  }

  Result<void> add_action(const ProgramRule& rule, std::vector<Expression>& out) {
    const bool inet = flow_layer(flow_) == Layer::Inet;
    switch (rule.action) {
      case Action::Accept:
        out.emplace_back(expr::Immediate{{VerdictCode::Accept, {}}});
        break;
      case Action::Drop:
        add_drop(rule, out);
        break;
      case Action::Return:
        out.emplace_back(expr::Immediate{{VerdictCode::Return, {}}});
        break;
      case Action::Continue:
        break;
      case Action::Reject:
        // As in libvirt, the ethernet layer knows no reject.
        if (!inet)
          add_drop(rule, out);
        else
          add_reject(rule, out);
        break;
    }
    return {};
  }

  void add_drop(const ProgramRule& rule, std::vector<Expression>& out) {
    const std::uint32_t number = drop_number(flow_, rule.origin);
    out_.needs.insert(outward() ? Need::DropsOut : Need::DropsIn);
    out_.drops.emplace(number, DroppingRule{flow_, comment(rule.origin)});
    for (Expression& expression : count_and_drop(flow_direction(flow_), number)) out.push_back(std::move(expression));
  }

  void add_reject(const ProgramRule& rule, std::vector<Expression>& out) {
    const Probe netfilter = ipv6_ ? capabilities_.bridge_netfilter6 : capabilities_.bridge_netfilter4;
    // The bridge family's reject works in prerouting and input only, and needs no address of the host's.
    if (outward() && capabilities_.bridge_reject == Probe::Yes) {
      out.emplace_back(expr::Reject{});
    } else if (netfilter == Probe::Yes) {
      out_.needs.insert(Need::RejectMark);
      for (Expression& expression : set_mark(options_.mark.reject(), options_.mark.reject()))
        out.push_back(std::move(expression));
      out.emplace_back(expr::Immediate{{VerdictCode::Accept, {}}});
    } else {
      out_.warnings.push_back(
          {ErrorKind::Unsupported,
           fmt::format("{}: reject is a drop here: this kernel cannot reject bridged packets", rule.origin),
           rule.source,
           "load br_netfilter to have the sender told",
           {}});
      add_drop(rule, out);
    }
  }

  const Program& program_;
  const Capabilities& capabilities_;
  const LowerOptions& options_;
  const std::string base_;
  std::size_t flow_ = 0;
  bool ipv6_ = false;
  std::map<std::string, Set> own_sets_;
  LoweredProgram out_;
};

}  // namespace

unsigned limit_id(const MarkedLimit& limit) { return (limit.above + (limit.reject ? 7U : 0U)) % kMaxMarkedLimits + 1; }

std::string LoweredProgram::hash() const {
  std::string text = name;
  for (const Chain& chain : chains) {
    const std::string sealed = sealed_fingerprint(chain);
    text += "\n" + chain.name + " " + (sealed.empty() ? fingerprint(chain) : sealed);
  }
  for (const Set& set : sets) {
    text += fmt::format("\n{} {} {} {}", set.name, set.dynamic, set.timeout_seconds, set.size);
    for (const KeyPart& part : set.key) text += fmt::format(" {}/{}", static_cast<int>(part.type), part.width);
  }
  for (const auto& [set, elements] : constants) text += fmt::format("\n{} has {}", set, elements.size());
  for (const Need need : needs) text += fmt::format("\nneed {}", static_cast<int>(need));
  for (const MarkedLimit& limit : limits) text += fmt::format("\nlimit {} {}", limit.above, limit.reject);
  return fmt::format("{:016x}", fnv1a(text));
}

Result<void> check_lowerable(const Program& program) {
  for (const Flow& flow : program.flows)
    for (const ProgramChain& chain : flow.chains)
      for (const ProgramEntry& entry : chain.entries)
        if (const auto* rule = std::get_if<ProgramRule>(&entry.what))
          for (const Test& test : rule->tests)
            if (const auto* set = std::get_if<test::Ipset>(&test))
              return fail({ErrorKind::Unsupported,
                           fmt::format("{}: nf_tables cannot look into the ipset '{}'", rule->origin, set->name),
                           rule->source,
                           "list the addresses in a variable instead, or use the iptables-legacy backend",
                           {}});
  return {};
}

Result<LoweredProgram> lower(const Program& program, const Capabilities& capabilities, const LowerOptions& options) {
  NWF_CHECK(check_lowerable(program));
  return Lowering(program, capabilities, options).run();
}

}  // namespace nwf
