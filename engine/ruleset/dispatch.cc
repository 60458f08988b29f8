// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/dispatch.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/program/compile.h"
#include "engine/program/packet_field.h"
#include "engine/ruleset/drops.h"
#include "engine/ruleset/fingerprint.h"
#include "engine/ruleset/state.h"

namespace nwf {
namespace {

// linux/netfilter.h
constexpr std::uint8_t kNfprotoIpv4 = 2, kNfprotoIpv6 = 10;

constexpr std::string_view kMapNames[kFlowCount] = {"port.eth-out", "port.eth-in", "port.inet-out", "port.inet-in"};

void add_chain(Table& table, Chain chain) {
  seal(chain);
  table.chains.emplace(chain.name, std::move(chain));
}

/// Ports that wait for an address leave their program as soon as it is learned, a thousand in a second maybe. Looked up
/// first, they can leave it without a preparation in the base chains (make_before_break.h), and so without a wait.
bool is_left_by_itself(const std::string& ports_set) { return ports_set.starts_with(kWaitingPorts); }

void add_map(Table& table, std::size_t flow) {
  Set map = dispatch_map(flow);
  table.sets.emplace(map.name, map);
}

/// A base chain that hands packets to programs, when any program of this flow is to be found in it.
std::optional<Chain> dispatch_chain(std::size_t flow, const FrameNeeds& needs, std::string name, BaseHook hook) {
  Chain chain;
  chain.name = std::move(name);
  chain.base = hook;
  const bool out = flow_direction(flow) == Direction::Out;
  const expr::MetaLoad port{out ? MetaKey::InterfaceIn : MetaKey::InterfaceOut, 0};
  chain.comment = fmt::format("{} layer, {} the guest", flow_layer(flow) == Layer::Ethernet ? "ethernet" : "inet",
                              out ? "from" : "to");
  for (const bool left_first : {true, false})
    for (const auto& [set, entry] : needs.common)
      if (is_left_by_itself(set) == left_first && !entry[flow].empty())
        chain.rules.push_back(
            {{port, expr::Lookup{set, 0, false, false}, expr::Immediate{{VerdictCode::Goto, entry[flow]}}},
             "ports of one program"});
  if (needs.mapped[flow])
    chain.rules.push_back({{port, expr::Lookup{std::string(kMapNames[flow]), 0, false, true}}, "port to program"});
  if (chain.rules.empty()) return std::nullopt;
  return chain;
}

Rule marked_rule(const MarkBits& bits, Verdict verdict, std::string comment) {
  Rule rule;
  rule.expressions = test_mark(bits.reject(), bits.reject());
  rule.expressions.emplace_back(expr::Immediate{std::move(verdict)});
  rule.comment = std::move(comment);
  return rule;
}

void add_reject_chains(Ruleset& ruleset, const MarkBits& bits) {
  Table& bridge = ruleset.tables.at(Family::Bridge);
  Chain fallback;
  fallback.name = "reject-fallback";
  fallback.base = BaseHook{Hook::Forward, 10};
  fallback.comment = "no inet hook saw the packet";
  fallback.rules.push_back(marked_rule(bits, {VerdictCode::Drop, {}}, "rejected, nobody to tell"));
  add_chain(bridge, std::move(fallback));
  for (const bool input : {false, true}) {
    Chain chain;
    chain.name = input ? "rejected-input" : "rejected";
    chain.base = BaseHook{input ? Hook::Input : Hook::Forward, -1};
    chain.comment = "rejects what a bridge chain marked";
    Rule rule;
    rule.expressions = test_mark(bits.reject(), bits.reject());
    rule.expressions.emplace_back(expr::Reject{});
    rule.comment = "rejected by a filter";
    chain.rules.push_back(std::move(rule));
    add_chain(ruleset.tables.at(Family::Inet), std::move(chain));
  }
}

Rule limit_rule(const MarkedLimit& limit, bool ipv6, const MarkBits& bits, const std::string& set) {
  Rule rule;
  rule.comment = fmt::format("connlimit-above {}", limit.above);
  rule.expressions = test_mark(bits.limit_mask(), bits.limit(limit_id(limit)));
  rule.expressions.emplace_back(expr::MetaLoad{MetaKey::NfProto, 0});
  rule.expressions.emplace_back(expr::Compare{0, CompareOp::Equal, {ipv6 ? kNfprotoIpv6 : kNfprotoIpv4}});
  const PacketField source =
      packet_field(ipv6 ? Field::SrcIp6 : Field::SrcIp4, ipv6 ? Protocol::AllIpv6 : Protocol::All);
  rule.expressions.emplace_back(expr::Payload{source.base, source.offset, source.length, 0});
  rule.expressions.emplace_back(expr::DynamicSet{expr::DynamicSet::Op::Add, set, 0, limit.above, true});
  if (limit.reject)
    rule.expressions.emplace_back(expr::Reject{});
  else
    rule.expressions.emplace_back(expr::Immediate{{VerdictCode::Drop, {}}});
  return rule;
}

Result<void> add_limit_chains(Ruleset& ruleset, const std::set<MarkedLimit>& limits, const MarkBits& bits) {
  Table& inet = ruleset.tables.at(Family::Inet);
  std::map<unsigned, const MarkedLimit*> by_id;
  for (const MarkedLimit& limit : limits)
    if (const auto [other, added] = by_id.emplace(limit_id(limit), &limit); !added)
      return fail(ErrorKind::Unsupported,
                  fmt::format("this kernel cannot tell connlimit-above {} from connlimit-above {}",
                              other->second->above, limit.above),
                  "use the same number in both filters, or numbers up to 15");
  for (const bool input : {false, true}) {
    Chain chain;
    chain.name = input ? "connection-limit-input" : "connection-limit";
    chain.base = BaseHook{input ? Hook::Input : Hook::Forward, -2};
    chain.comment = "counts connections a bridge chain marked";
    for (const MarkedLimit& limit : limits)
      for (const bool ipv6 : {false, true}) {
        Set counted;
        counted.name =
            fmt::format("limit{}{}.ip{}{}", limit.above, limit.reject ? "r" : "", ipv6 ? 6 : 4, input ? ".input" : "");
        counted.key = {ipv6 ? KeyPart{KeyType::Ipv6Addr, 16} : KeyPart{KeyType::Ipv4Addr, 4}};
        counted.dynamic = true;
        counted.size = 65535;
        counted.comment = "connections by source address";
        chain.rules.push_back(limit_rule(limit, ipv6, bits, counted.name));
        inet.sets.emplace(counted.name, counted);
      }
    add_chain(inet, std::move(chain));
  }
  return {};
}

}  // namespace

bool FrameNeeds::empty() const {
  return needs.empty() && limits.empty() && common.empty() &&
         std::none_of(mapped.begin(), mapped.end(), [](bool m) { return m; });
}

void FrameNeeds::add(const LoweredProgram& lowered, bool is_common) {
  needs.insert(lowered.needs.begin(), lowered.needs.end());
  limits.insert(lowered.limits.begin(), lowered.limits.end());
  add_dispatch(lowered.ports, lowered.entry, is_common);
}

void FrameNeeds::add_dispatch(const std::string& ports_set, const FlowEntries& entry, bool is_common) {
  if (is_common) {
    common.emplace(ports_set, entry);
    return;
  }
  for (std::size_t flow = 0; flow < kFlowCount; ++flow) mapped[flow] = mapped[flow] || !entry[flow].empty();
}

void FrameNeeds::add(const FrameNeeds& other) {
  needs.insert(other.needs.begin(), other.needs.end());
  limits.insert(other.limits.begin(), other.limits.end());
  common.insert(other.common.begin(), other.common.end());
  for (std::size_t flow = 0; flow < kFlowCount; ++flow) mapped[flow] = mapped[flow] || other.mapped[flow];
}

void FrameNeeds::add_closed() {
  mapped[flow_index(Layer::Ethernet, Direction::Out)] = true;
  mapped[flow_index(Layer::Ethernet, Direction::In)] = true;
}

Set dispatch_map(std::size_t flow) {
  Set map;
  map.name = kMapNames[flow];
  map.key = {{KeyType::IfName, PortName::kSize}};
  map.verdict_map = true;
  map.comment = "port to program";
  return map;
}

Set ports_set(const std::string& name) {
  Set set;
  set.name = name;
  set.key = {{KeyType::IfName, PortName::kSize}};
  set.comment = "ports of one program";
  return set;
}

Result<Ruleset> frame(const FrameNeeds& needs, const Capabilities& capabilities, const LowerOptions& options) {
  Ruleset ruleset;
  if (needs.empty()) return ruleset;
  Table& bridge = ruleset.tables.emplace(Family::Bridge, Table{Family::Bridge, {}, {}, {}}).first->second;
  const auto wants = [&](Need need) { return needs.needs.contains(need); };
  for (std::size_t flow = 0; flow < kFlowCount; ++flow)
    if (needs.mapped[flow]) add_map(bridge, flow);
  // A common program's rules look its set up, so it is part of what stands with the frame.
  for (const auto& [name, entry] : needs.common) bridge.sets.emplace(name, ports_set(name));
  for (const auto& [need, direction] :
       {std::pair{Need::DropsOut, Direction::Out}, std::pair{Need::DropsIn, Direction::In}}) {
    if (!wants(need)) continue;
    bridge.sets.emplace(kDropsSet, drops_set());
    add_chain(bridge, dropped_chain(direction));
  }
  const std::size_t inet_in = flow_index(Layer::Inet, Direction::In);
  if (auto chain = dispatch_chain(flow_index(Layer::Ethernet, Direction::Out), needs, "guest-out.ethernet",
                                  {Hook::Prerouting, -300}))
    add_chain(bridge, std::move(*chain));
  if (auto chain = dispatch_chain(flow_index(Layer::Ethernet, Direction::In), needs, "guest-in.ethernet",
                                  {Hook::Postrouting, 300}))
    add_chain(bridge, std::move(*chain));
  if (auto chain =
          dispatch_chain(flow_index(Layer::Inet, Direction::Out), needs, "guest-out.inet", {Hook::Prerouting, 1}))
    add_chain(bridge, std::move(*chain));
  if (auto chain = dispatch_chain(inet_in, needs, "guest-in.inet", {Hook::Forward, -10})) {
    if (wants(Need::RejectMark))
      // Already rejected on its way out of another guest: leave it to the inet hook to say so.
      chain->rules.insert(chain->rules.begin(),
                          marked_rule(options.mark, {VerdictCode::Accept, {}}, "rejected already"));
    add_chain(bridge, std::move(*chain));
  }
  if (options.filter_host_traffic)
    if (auto chain = dispatch_chain(inet_in, needs, "host-to-guest.inet", {Hook::Output, 1})) {
      chain->comment = "inet layer, from the host to the guest";
      add_chain(bridge, std::move(*chain));
    }
  if (wants(Need::StateMark) || wants(Need::RejectMark) || !needs.limits.empty())
    ruleset.tables.emplace(Family::Inet, Table{Family::Inet, {}, {}, {}});
  if (wants(Need::StateMark)) {
    const bool by_kind = capabilities.interface_kind == Probe::Yes;
    Table& inet = ruleset.tables.at(Family::Inet);
    add_chain(inet, state_chain(options.mark, by_kind));
    if (options.filter_host_traffic) {
      // What the host sends has no incoming interface.
      Chain output = state_chain(options.mark, false);
      output.name = "connection-state-output";
      output.base = BaseHook{Hook::Output, -150};
      output.comment = "copies the state of the host's own packets into their mark";
      add_chain(inet, std::move(output));
    }
  }
  if (wants(Need::RejectMark)) add_reject_chains(ruleset, options.mark);
  if (!needs.limits.empty()) NWF_CHECK(add_limit_chains(ruleset, needs.limits, options.mark));
  return ruleset;
}

Result<PortElements> port_elements(const LoweredProgram& lowered, const std::vector<ValueSet>& sets, bool is_common,
                                   const PortName& port, const Variables& variables) {
  PortElements result;
  result.entries.reserve(sets.size() + kFlowCount);
  for (const ValueSet& set : sets) {
    NWF_TRY(auto elements, elements_of(set, port, variables));
    result.entries.push_back({set.set(), std::move(elements)});
  }
  const auto name = port.padded();
  if (is_common) {
    result.entries.push_back({ports_set(lowered.ports), {{Bytes(name.begin(), name.end()), std::nullopt}}});
    return result;
  }
  for (std::size_t flow = 0; flow < kFlowCount; ++flow)
    if (!lowered.entry[flow].empty())
      result.entries.push_back(
          {dispatch_map(flow), {{Bytes(name.begin(), name.end()), Verdict{VerdictCode::Goto, lowered.entry[flow]}}}});
  return result;
}

PortElements closed_elements(const PortName& port) {
  PortElements result;
  const auto name = port.padded();
  for (const Direction direction : {Direction::Out, Direction::In})
    result.entries.push_back({dispatch_map(flow_index(Layer::Ethernet, direction)),
                              {{Bytes(name.begin(), name.end()), Verdict{VerdictCode::Drop, {}}}}});
  return result;
}

void add_program(const LoweredProgram& lowered, bool is_common, Ruleset& ruleset) {
  if (lowered.chains.empty()) return;  // it stops nothing: nothing leads to it
  Table& table = ruleset.tables.emplace(Family::Bridge, Table{Family::Bridge, {}, {}, {}}).first->second;
  for (const Chain& chain : lowered.chains) table.chains.insert_or_assign(chain.name, chain);
  for (const Set& set : lowered.sets) table.sets.emplace(set.name, set);
  for (const auto& [set, elements] : lowered.constants) table.elements[set] = elements;
  if (is_common) table.sets.emplace(lowered.ports, ports_set(lowered.ports));
}

void add_elements(const PortElements& elements, Ruleset& ruleset) {
  if (elements.entries.empty()) return;
  Table& table = ruleset.tables.emplace(Family::Bridge, Table{Family::Bridge, {}, {}, {}}).first->second;
  for (const auto& entry : elements.entries)
    table.elements[entry.set.name].insert(entry.elements.begin(), entry.elements.end());
}

}  // namespace nwf
