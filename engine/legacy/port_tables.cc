// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/legacy/port_tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/legacy/decode.h"
#include "engine/legacy/text.h"
#include "engine/program/shape.h"

namespace nwf::legacy {
namespace {

/// Fewer rules are not worth a chain of their own.
constexpr std::size_t kFewestShared = 2;

/// A rule, and whether it is the same for every port.
template <class Rule>
struct Sourced {
  Rule rule;
  bool shared = false;
};

template <class Rule>
std::vector<Rule> rules_of(const std::vector<Sourced<Rule>>& from) {
  std::vector<Rule> rules;
  rules.reserve(from.size());
  for (const auto& one : from) rules.push_back(one.rule);
  return rules;
}

/// The rule says all that `before`, which stands just in front of it, says: not this ICMP type, and not this type with
/// this code.
bool says_all_of(const IpRule& rule, IpRule before) {
  if (rule.matches.size() != before.matches.size()) return false;
  for (std::size_t i = 0; i < rule.matches.size(); ++i) {
    const auto* icmp = std::get_if<match::Icmp>(&rule.matches[i]);
    auto* other = std::get_if<match::Icmp>(&before.matches[i]);
    if (icmp == nullptr || other == nullptr || !icmp->negated || *other != match::Icmp{icmp->type, 0, 255, true})
      continue;
    *other = *icmp;
    return rule == before;
  }
  return false;
}

bool says_all_of(const EthernetRule& rule, EthernetRule before) {
  if (rule.matches.size() != 1 || before.matches.size() != 1) return false;
  const auto* ip = std::get_if<match::EbIp>(&rule.matches[0]);
  auto* other = std::get_if<match::EbIp>(&before.matches[0]);
  if (ip == nullptr || other == nullptr || !ip->icmp_type || !ip->icmp_type->negated || other->icmp_code) return false;
  other->icmp_code = ip->icmp_code;
  return rule == before;
}

template <class Rule>
void add_rule(Rule rule, bool shared, std::vector<Sourced<Rule>>& to) {
  if (!to.empty() && says_all_of(rule, to.back().rule)) to.pop_back();
  to.push_back({std::move(rule), shared});
}

/// `nwf-`, what it is, the filter as far as there is room, and a hash of what is in it.
std::string shared_name(std::string_view kind, const std::string& filter, const std::string& content,
                        std::size_t longest) {
  const std::string hash = fmt::format("{:012x}", fnv1a(content) >> 16U);
  std::string name = fmt::format("nwf-{}-", kind);
  for (const char c : filter) {
    if (name.size() + 1 + hash.size() >= longest) break;
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    name += plain ? c : '_';
  }
  return name + "-" + hash;
}

/// What leads packets of a port to its three chains.
void add_ip_links(const std::string& port, bool classic, IpTable& table) {
  for (const std::string_view hub : kPortHubs) table.hubs.emplace_back(hub);
  const auto link = [&](std::string chain, Place place, const std::optional<match::Physdev>& from, target::Jump to) {
    IpRule rule;
    if (from) rule.matches.emplace_back(*from);
    rule.target = std::move(to);
    table.links.push_back({std::move(chain), std::move(rule), place});
  };
  link("FORWARD", Place::Front, {}, {"libvirt-in", false});
  link("FORWARD", Place::Front, {}, {"libvirt-out", false});
  link("FORWARD", Place::Front, {}, {"libvirt-in-post", false});
  link("INPUT", Place::Front, {}, {"libvirt-host-in", false});
  link("libvirt-in", Place::End, match::Physdev{port, {}, false}, {"FI-" + port, true});
  link("libvirt-out", Place::End, match::Physdev{{}, port, true}, {"FO-" + port, true});
  // Routed packets are the networks' to judge, which stand behind.
  link("libvirt-in-post", Place::End, match::Physdev{port, {}, !classic}, {"ACCEPT", false});
  link("libvirt-host-in", Place::End, match::Physdev{port, {}, false}, {"HI-" + port, true});
}

/// The inet layer of one port and IP version.
class IpLayer {
 public:
  IpLayer(const Program& program, const PortName& port, const Variables& variables, bool ipv6, bool classic)
      : program_(program), port_(port), variables_(variables), ipv6_(ipv6), classic_(classic) {}

  /// Only the port's three chains, by these names, from which what is accepted returns: nothing leads there yet.
  Result<std::map<std::string, Chain<IpRule>>> chains(std::string_view prefix) {
    const std::string& name = port_.text();
    const auto make = [&](std::string_view kind, Direction direction) {
      return add_chain(fmt::format("{}{}-{}", prefix, kind, name), chain_of(direction), "RETURN");
    };
    NWF_CHECK(make("FI", Direction::Out));
    NWF_CHECK(make("FO", Direction::In));
    NWF_CHECK(make("HI", Direction::Out));
    return std::move(table_.chains);
  }

  Result<IpTable> run() {
    const ProgramChain* out = chain_of(Direction::Out);
    const ProgramChain* in = chain_of(Direction::In);
    if (out == nullptr && in == nullptr) return std::move(table_);
    const std::string& name = port_.text();
    NWF_CHECK(add_chain("FI-" + name, out, "RETURN"));
    NWF_CHECK(add_chain("FO-" + name, in, "ACCEPT"));
    NWF_CHECK(add_chain("HI-" + name, out, "RETURN"));
    add_ip_links(name, classic_, table_);
    return std::move(table_);
  }

 private:
  const ProgramChain* chain_of(Direction direction) const {
    for (const ProgramChain& chain : program_.flows[flow_index(Layer::Inet, direction)].chains)
      if (chain.name == (ipv6_ ? "ip6" : "ip4")) return &chain;
    return nullptr;
  }

  Result<void> add_chain(const std::string& name, const ProgramChain* from, const std::string& accepted) {
    std::vector<Sourced<IpRule>> rules;
    for (const ProgramEntry& entry : from == nullptr ? std::vector<ProgramEntry>{} : from->entries) {
      const auto& rule = std::get<ProgramRule>(entry.what);
      if (rule.action == Action::Continue) continue;  // goes on whatever the packet
      NWF_TRY(auto made, ip_rules(rule, ipv6_, port_, variables_));
      for (IpRule& one : made) {
        one.target = target_of(rule.action, accepted);
        add_rule(std::move(one), !is_of_port(rule), rules);
      }
    }
    table_.chains[name] = {classic_ ? rules_of(rules) : share(rules), false, false};
    return {};
  }

  static IpTarget target_of(Action action, const std::string& accepted) {
    switch (action) {
      case Action::Drop:
        return target::Jump{"DROP", false};
      case Action::Reject:
        return target::Reject{};
      case Action::Return:
        return target::Jump{"RETURN", false};
      default:
        return target::Jump{accepted, false};
    }
  }

  /// RETURN means: out of the port's chain. From a chain that was jumped to it would only lead back into it, so a run
  /// of rules that has one is shared only where it is the last, and then gone to.
  static bool returns(const IpRule& rule) {
    const auto* jump = std::get_if<target::Jump>(&rule.target);
    return jump != nullptr && jump->to == "RETURN";
  }

  std::vector<IpRule> share(const std::vector<Sourced<IpRule>>& rules) {
    std::vector<IpRule> own;
    for (std::size_t at = 0; at < rules.size();) {
      std::size_t end = at;
      while (end < rules.size() && rules[end].shared) ++end;
      if (end < rules.size()) {  // something of the port's follows: no RETURN may be among it
        end = at;
        while (end < rules.size() && rules[end].shared && !returns(rules[end].rule)) ++end;
      }
      if (end - at < kFewestShared) {
        own.push_back(rules[at++].rule);
        continue;
      }
      Chain<IpRule> chain;
      std::string content;
      for (std::size_t i = at; i < end; ++i) {
        chain.rules.push_back(rules[i].rule);
        content += text(rules[i].rule, ipv6_) + "\n";
      }
      chain.shared = true;
      const std::string name = shared_name(ipv6_ ? "6" : "4", program_.filter, content, kMaxIpChainName);
      IpRule to;
      to.target = target::Jump{name, end == rules.size()};
      own.push_back(std::move(to));
      table_.chains.emplace(name, std::move(chain));
      at = end;
    }
    return own;
  }

  const Program& program_;
  const PortName& port_;
  const Variables& variables_;
  const bool ipv6_, classic_;
  IpTable table_;
};

/// The ethernet layer of one port.
class EthernetLayer {
 public:
  EthernetLayer(const Program& program, const PortName& port, const Variables& variables, bool classic)
      : program_(program), port_(port), variables_(variables), classic_(classic) {}

  Result<EthernetTable> run() {
    for (const Direction direction : {Direction::Out, Direction::In}) {
      const Flow& flow = program_.flows[flow_index(Layer::Ethernet, direction)];
      if (flow.empty()) continue;
      NWF_CHECK(add_flow(flow, direction == Direction::Out));
    }
    return std::move(table_);
  }

 private:
  Result<void> add_flow(const Flow& flow, bool out) {
    std::vector<std::string> names;
    for (const ProgramChain& chain : flow.chains) {
      names.push_back(names.empty() ? fmt::format("libvirt-{}-{}", out ? 'I' : 'O', port_.text())
                                    : sub_chain_name(out, chain.name));
    }
    for (std::size_t i = flow.chains.size(); i-- > 0;) {
      std::vector<Sourced<EthernetRule>> rules;
      for (const ProgramEntry& entry : flow.chains[i].entries) NWF_CHECK(add_entry(entry, flow, names, rules));
      const bool all_shared = std::ranges::all_of(rules, [](const auto& rule) { return rule.shared; });
      if (!classic_ && i > 0 && all_shared && !rules.empty()) {
        // No port in it at all, and what it ends with is what each of their chains would: all lead to the one.
        names[i] = add_shared(rules_of(rules), out, false);
        continue;
      }
      table_.chains[names[i]] = {classic_ ? rules_of(rules) : share(rules, out), false, false};
    }
    EthernetRule link;
    (out ? link.in : link.out) = port_.text();
    link.target = names[0];
    table_.links.push_back({out ? "PREROUTING" : "POSTROUTING", std::move(link), Place::End});
    return {};
  }

  /// As libvirt names it. Where the port's name could be read as a port's and a chain's, one of them is hashed.
  std::string sub_chain_name(bool out, const std::string& chain) const {
    std::string name = fmt::format("{}-{}-{}", out ? 'I' : 'O', port_.text(), chain);
    const std::string& port = port_.text();
    bool doubtful = name.size() > kMaxEthernetChainName;
    for (const std::string_view prefix : {"mac", "vlan", "stp", "arp", "rarp", "ipv4", "ipv6"})
      doubtful = doubtful || port.find("-" + std::string(prefix)) != std::string::npos;
    if (!doubtful) return name;
    return fmt::format("{}-{}-{:012x}", out ? 'I' : 'O', port.substr(0, 12), fnv1a(port + "/" + chain) >> 16U);
  }

  Result<void> add_entry(const ProgramEntry& entry, const Flow& flow, const std::vector<std::string>& names,
                         std::vector<Sourced<EthernetRule>>& rules) const {
    if (const auto* next = std::get_if<std::size_t>(&entry.what)) {
      EthernetRule jump;
      if (const auto& guard = flow.chains[*next].guard) jump = guard_rule(*guard);
      jump.target = names[*next];
      rules.push_back({std::move(jump), false});
      return {};
    }
    const auto& rule = std::get<ProgramRule>(entry.what);
    if (rule.action == Action::Continue) return {};
    NWF_TRY(auto made, ethernet_rules(rule, port_, variables_));
    for (EthernetRule& one : made) {
      // As in libvirt, the ethernet layer knows no reject.
      one.target = rule.action == Action::Accept ? "ACCEPT" : rule.action == Action::Return ? "RETURN" : "DROP";
      add_rule(std::move(one), !is_of_port(rule), rules);
    }
    return {};
  }

  std::string add_shared(std::vector<EthernetRule> rules, bool out, bool returns) {
    std::string content = returns ? "returns\n" : "accepts\n";
    for (const EthernetRule& rule : rules) content += text(rule) + "\n";
    std::string name = shared_name(out ? "I" : "O", program_.filter, content, kMaxEthernetChainName);
    table_.chains.emplace(name, Chain<EthernetRule>{std::move(rules), returns, true});
    return name;
  }

  /// Runs of rules that decide for good. One that returns leaves the port's chain, which it could not from another.
  std::vector<EthernetRule> share(const std::vector<Sourced<EthernetRule>>& rules, bool out) {
    std::vector<EthernetRule> own;
    for (std::size_t at = 0; at < rules.size();) {
      std::size_t end = at;
      while (end < rules.size() && rules[end].shared && rules[end].rule.target != "RETURN") ++end;
      if (end - at < kFewestShared) {
        own.push_back(rules[at++].rule);
        continue;
      }
      std::vector<EthernetRule> run;
      for (std::size_t i = at; i < end; ++i) run.push_back(rules[i].rule);
      EthernetRule to;
      to.target = add_shared(std::move(run), out, true);
      own.push_back(std::move(to));
      at = end;
    }
    return own;
  }

  const Program& program_;
  const PortName& port_;
  const Variables& variables_;
  const bool classic_;
  EthernetTable table_;
};

}  // namespace

Result<Tables> port_tables(const Program& program, const PortName& port, const Variables& variables,
                           const Layout& layout) {
  Tables tables;
  for (const bool ipv6 : {false, true}) {
    NWF_TRY(auto table, IpLayer(program, port, variables, ipv6, layout.classic).run());
    if (!table.empty()) tables.ip[{ipv6 ? Family::Ip6 : Family::Ip4, "filter"}] = std::move(table);
  }
  if (layout.ethernet) {
    NWF_TRY(tables.ethernet, EthernetLayer(program, port, variables, layout.classic).run());
  }
  return tables;
}

Result<std::map<TableId, IpTable>> both_inet_layers(const Tables& from, const Tables& to, const Program& before,
                                                    const PortName& port, const Variables& variables) {
  constexpr std::string_view kBefore = "nwf-was-";
  std::map<TableId, IpTable> both = from.ip;  // where nothing comes, what was there stays for the time
  for (const auto& [id, coming] : to.ip) {
    if (!both.contains(id)) {
      both[id] = coming;
      continue;
    }
    IpTable& table = both[id] = coming;
    NWF_TRY(auto old, IpLayer(before, port, variables, id.family == Family::Ip6, true).chains(kBefore));
    for (const char* kind : {"FI-", "FO-", "HI-"}) {
      IpRule first;
      first.target = target::Jump{fmt::format("{}{}{}", kBefore, kind, port.text()), false};
      auto& rules = table.chains.at(kind + port.text()).rules;
      rules.insert(rules.begin(), std::move(first));
    }
    table.chains.merge(old);
  }
  return both;
}

Tables closed_port(const PortName& port, const Layout& layout) {
  Tables tables;
  if (!layout.ethernet) {
    for (const Family family : {Family::Ip4, Family::Ip6}) {
      IpTable& table = tables.ip[{family, "filter"}];
      IpRule drop;
      drop.target = target::Jump{"DROP", false};
      for (const char* prefix : {"FI-", "FO-", "HI-"}) table.chains[prefix + port.text()] = {{drop}, false, false};
      add_ip_links(port.text(), layout.classic, table);
    }
    return tables;
  }
  for (const bool out : {true, false}) {
    const std::string name = fmt::format("libvirt-{}-{}", out ? 'I' : 'O', port.text());
    EthernetRule drop;
    drop.target = "DROP";
    tables.ethernet.chains[name] = {{drop}, false, false};
    EthernetRule link;
    (out ? link.in : link.out) = port.text();
    link.target = name;
    tables.ethernet.links.push_back({out ? "PREROUTING" : "POSTROUTING", std::move(link), Place::End});
  }
  return tables;
}

}  // namespace nwf::legacy
