// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/libvirt_chains.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

namespace nwf::host {
namespace {

using netlink::ForeignChain;
using netlink::ForeignPiece;
using netlink::ForeignRule;
using netlink::ForeignTable;

// linux/netfilter.h
constexpr std::uint8_t kIp = 2, kBridge = 7, kIp6 = 10;

/// A rule as libvirt writes it, for one port or, where it names none, for all.
struct Known {
  std::uint8_t family;
  std::string chain;
  std::string shape;
};

std::vector<Known> port_rules(const std::string& port) {
  std::vector<Known> rules;
  for (const char* in : {"I", "J"})
    rules.push_back({kBridge, "PREROUTING", fmt::format("iifname {0} jump libvirt-{1}-{0}", port, in)});
  for (const char* out : {"O", "P"})
    rules.push_back({kBridge, "POSTROUTING", fmt::format("oifname {0} jump libvirt-{1}-{0}", port, out)});
  for (const std::uint8_t family : {kIp, kIp6}) {
    for (const char* in : {"FI", "FJ"})
      rules.push_back({family, "libvirt-in", fmt::format("physdev-in {0} goto {1}-{0}", port, in)});
    for (const char* out : {"FO", "FP"})
      rules.push_back(
          {family, "libvirt-out", fmt::format("physdev-out {0} physdev-is-bridged goto {1}-{0}", port, out)});
    for (const char* in : {"HI", "HJ"})
      rules.push_back({family, "libvirt-host-in", fmt::format("physdev-in {0} goto {1}-{0}", port, in)});
    rules.push_back({family, "libvirt-in-post", fmt::format("physdev-in {} accept", port)});
  }
  return rules;
}

/// The chains that libvirt has once for all ports, and from where each is reached.
constexpr std::array<std::pair<const char*, const char*>, 4> kShared{{{"libvirt-in", "FORWARD"},
                                                                      {"libvirt-out", "FORWARD"},
                                                                      {"libvirt-in-post", "FORWARD"},
                                                                      {"libvirt-host-in", "INPUT"}}};

constexpr std::string_view kAcceptsBridged = "physdev-is-bridged accept";

class Finder {
 public:
  Finder(const ForeignTable& table, const std::set<std::string>& ports, LibvirtChains& out)
      : table_(table), ports_(ports), out_(out) {
    for (const ForeignChain& chain : table.chains) chains_.emplace(chain.name, &chain);
  }

  void find() {
    if (table_.family != kBridge && protects_others()) return;
    for (const std::string& port : ports_) find_port(port);
    if (table_.family != kBridge) find_shared();
    settle();
    report();
  }

 private:
  std::string place(const std::string& chain) const {
    return fmt::format("chain {} in {}", chain, table_name(table_.family, table_.name));
  }

  /// What libvirt accepts for a port goes no further on the way through FORWARD. With its chains gone the rest of the
  /// way would decide.
  bool protects_others() {
    bool any = false;
    for (const std::string& port : ports_)
      any |= chains_.contains("FI-" + port) || chains_.contains("FO-" + port) || chains_.contains("HI-" + port);
    if (!any) return false;
    const auto forward = chains_.find("FORWARD");
    if (forward == chains_.end()) return false;
    const auto& rules = forward->second->rules;
    const bool accepts =
        std::any_of(rules.begin(), rules.end(), [](const ForeignRule& rule) { return rule.shape == kAcceptsBridged; });
    if (forward->second->drops && !accepts) {
      out_.kept.push_back(
          fmt::format("libvirt's chains in {} stay: the policy of FORWARD is drop, and would drop what they accept; "
                      "first make FORWARD "
                      "accept bridged packets: -A FORWARD -m physdev --physdev-is-bridged -j ACCEPT",
                      table_name(table_.family, table_.name)));
      return true;
    }
    if (std::any_of(rules.begin(), rules.end(), [](const ForeignRule& rule) { return !is_shared_jump(rule); }))
      out_.warnings.push_back(fmt::format(
          "without libvirt's chains the other rules of {} see packets of these ports that those accepted before",
          place("FORWARD")));
    return false;
  }

  static bool is_shared_jump(const ForeignRule& rule) {
    return std::any_of(kShared.begin(), kShared.end(),
                       [&](const auto& shared) { return rule.shape == fmt::format("jump {}", shared.first); });
  }

  /// A rule with this shape in this chain, to be taken away.
  void take_rule(const std::string& chain, const std::string& shape) {
    const auto found = chains_.find(chain);
    if (found == chains_.end()) return;
    for (const ForeignRule& rule : found->second->rules) {
      if (rule.shape != shape) continue;
      rules_.insert(&rule);
      if (!rule.target.empty() && chains_.contains(rule.target)) take_chain(rule.target);
    }
  }
  void take_chain(const std::string& name) {
    if (!whole_.insert(name).second) return;
    for (const ForeignRule& rule : chains_.at(name)->rules) {
      if (rule.target.empty() || !chains_.contains(rule.target)) continue;
      if (is_part_of(name, rule.target)) take_chain(rule.target);
    }
  }
  /// libvirt-I-vnet0 and its parts lead to I-vnet0-mac.
  bool is_part_of(const std::string& from, const std::string& to) const {
    if (table_.family != kBridge) return false;
    for (const std::string& port : ports_)
      for (const char letter : {'I', 'J', 'O', 'P'}) {
        const std::string stem = fmt::format("{}-{}-", letter, port);
        if (to.starts_with(stem) && (from == fmt::format("libvirt-{}-{}", letter, port) || from.starts_with(stem)))
          return true;
      }
    return false;
  }

  void find_port(const std::string& port) {
    for (const Known& known : port_rules(port))
      if (known.family == table_.family) take_rule(known.chain, known.shape);
  }

  /// The chains for all ports, once nothing is left in them.
  void find_shared() {
    for (const auto& [name, base] : kShared) {
      const auto found = chains_.find(name);
      if (found == chains_.end()) continue;
      const bool empty = std::all_of(found->second->rules.begin(), found->second->rules.end(),
                                     [&](const ForeignRule& rule) { return rules_.contains(&rule); });
      if (empty) take_rule(base, fmt::format("jump {}", name));
    }
  }

  /// Takes back what somebody else leads to, or what could not come back, until nothing more has to be.
  void settle() {
    for (bool again = true; again;) {
      again = false;
      for (const ForeignChain& chain : table_.chains) {
        const bool whole = whole_.contains(chain.name);
        for (const ForeignRule& rule : chain.rules) {
          const bool goes = whole || rules_.contains(&rule);
          if (!goes && !rule.target.empty() && whole_.erase(rule.target) > 0) {
            again = true;
            out_.kept.push_back(
                fmt::format("{} stays: {} leads to it: {}", place(rule.target), place(chain.name), rule.shape));
          }
          if (goes && rule.uses_set && whole_.erase(chain.name) > 0) {
            again = true;
            out_.kept.push_back(
                fmt::format("{} stays: it has a rule with a set, which libvirt does not make", place(chain.name)));
          }
        }
        // A rule whose chain stays leads there as before.
        for (const ForeignRule& rule : chain.rules)
          if (!rule.target.empty() && !whole_.contains(rule.target) && rules_.erase(&rule) > 0) again = true;
      }
      // A shared chain with something left in it.
      for (const auto& [name, base] : kShared) {
        const auto found = chains_.find(name);
        if (found == chains_.end() || !whole_.contains(name)) continue;
        for (const ForeignRule& rule : found->second->rules)
          if (!rules_.contains(&rule)) again |= whole_.erase(name) > 0;
      }
    }
  }

  void report() {
    for (const ForeignChain& chain : table_.chains) {
      ForeignPiece piece{table_.family, table_.name, chain, whole_.contains(chain.name), {}};
      if (!piece.whole) {
        piece.chain.rules.clear();
        for (std::size_t i = 0; i < chain.rules.size(); ++i) {
          if (!rules_.contains(&chain.rules[i])) continue;
          piece.chain.rules.push_back(chain.rules[i]);
          piece.places.push_back(i);
        }
        if (piece.places.empty()) continue;
      }
      out_.pieces.push_back(std::move(piece));
    }
    if (table_.family == kBridge) report_loose();
    for (const auto& [name, base] : kShared)
      if (chains_.contains(name) && !whole_.contains(name) && !chains_.at(name)->rules.empty())
        out_.kept.push_back(fmt::format("{} stays: it has rules that are not of these ports", place(name)));
  }

  /// Chains of libvirt's names that nothing leads to: libvirt leaves some behind when a change of its own fails, but
  /// they may be anybody's, and judge nothing.
  void report_loose() {
    std::set<std::string> reached;
    for (const ForeignChain& chain : table_.chains)
      for (const ForeignRule& rule : chain.rules) reached.insert(rule.target);
    for (const std::string& port : ports_)
      for (const char letter : {'I', 'J', 'O', 'P'})
        if (const std::string name = fmt::format("libvirt-{}-{}", letter, port);
            chains_.contains(name) && !whole_.contains(name) && !reached.contains(name))
          out_.kept.push_back(fmt::format("{} stays: nothing leads to it", place(name)));
  }

  const ForeignTable& table_;
  const std::set<std::string>& ports_;
  LibvirtChains& out_;
  std::map<std::string, const ForeignChain*> chains_;
  std::set<std::string> whole_;         ///< chains to go
  std::set<const ForeignRule*> rules_;  ///< rules to go, of chains that may stay
};

}  // namespace

std::size_t LibvirtChains::chains() const {
  return static_cast<std::size_t>(
      std::count_if(pieces.begin(), pieces.end(), [](const ForeignPiece& piece) { return piece.whole; }));
}

std::size_t LibvirtChains::rules() const {
  std::size_t all = 0;
  for (const ForeignPiece& piece : pieces) all += piece.chain.rules.size();
  return all;
}

const std::vector<netlink::ForeignPlace>& libvirt_tables() {
  static const std::vector<netlink::ForeignPlace> kTables{{kBridge, "nat"}, {kIp, "filter"}, {kIp6, "filter"}};
  return kTables;
}

LibvirtChains find_libvirt_chains(const std::vector<ForeignTable>& tables, const std::set<std::string>& ports) {
  LibvirtChains found;
  for (const ForeignTable& table : tables) Finder(table, ports, found).find();
  return found;
}

std::string table_name(std::uint8_t family, const std::string& table) {
  return fmt::format("{} {}", family == kBridge ? "bridge" : family == kIp6 ? "ip6" : "ip", table);
}

}  // namespace nwf::host
