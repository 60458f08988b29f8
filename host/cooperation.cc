// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/cooperation.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>

#include "engine/network/cooperation.h"
#include "host/libvirt_chains.h"

namespace nwf::host {
namespace {

using netlink::ForeignChain;
using netlink::ForeignChange;
using netlink::ForeignRule;
using netlink::ForeignTable;

// linux/netfilter.h
constexpr std::uint8_t kIp = 2, kIp6 = 10;
constexpr int kAttempts = 8;
constexpr const char *kForward = "NWF-FORWARD", *kInput = "NWF-INPUT";
constexpr const char* kDockerUser = "DOCKER-USER";

const std::vector<netlink::ForeignPlace>& tables() {
  static const std::vector<netlink::ForeignPlace> places{{kIp, "filter"}, {kIp6, "filter"}};
  return places;
}

const ForeignChain* find(const ForeignTable& table, const std::string& name) {
  const auto found = std::find_if(table.chains.begin(), table.chains.end(),
                                  [&](const ForeignChain& chain) { return chain.name == name; });
  return found == table.chains.end() ? nullptr : &*found;
}

/// Docker's bridges, as its own chains name them: it guards its containers itself.
std::vector<std::string> docker_interfaces(const ForeignTable& table) {
  std::set<std::string> names;
  for (const ForeignChain& chain : table.chains) {
    if (!chain.name.starts_with("DOCKER") || chain.name == kDockerUser) continue;
    for (const ForeignRule& rule : chain.rules) {
      std::istringstream words(rule.shape);
      for (std::string word, name; words >> word;)
        if ((word == "iifname" || word == "oifname") && words >> name && name != "cmp" && name.back() != '*')
          names.insert(name);
    }
  }
  return {names.begin(), names.end()};
}

/// One of our chains in a table of theirs, and the rules of theirs that lead to it.
class Plan {
 public:
  Plan(const ForeignTable& table, std::string name, std::vector<ForeignChange>& out)
      : table_(table), name_(std::move(name)), there_(find(table, name_)), out_(out) {}

  void bring_to(const std::vector<Rule>& rules, const std::vector<std::string>& from) {
    std::vector<const ForeignChain*> doors;
    for (const std::string& chain : from)
      if (const ForeignChain* found = find(table_, chain)) doors.push_back(found);
    if (rules.empty() || doors.empty()) return take_away();
    std::vector<ForeignRule> wanted;
    wanted.reserve(rules.size());
    for (const Rule& rule : rules)
      wanted.push_back(netlink::make_foreign_rule(table_.family, table_.name, name_, rule));
    fill(wanted);
    for (const ForeignChain* door : doors) open(*door);
  }

 private:
  bool is_ours(const ForeignRule& rule) const { return rule.target == name_ && rule.comment == kCooperationTag; }

  void step(ForeignChange::Kind kind, const std::string& chain, ForeignRule rule = {},
            std::optional<std::uint64_t> handle = {}) {
    out_.push_back({kind, table_.family, table_.name, chain, std::move(rule), handle});
  }

  void fill(const std::vector<ForeignRule>& wanted) {
    const bool same = there_ != nullptr && std::equal(there_->rules.begin(), there_->rules.end(), wanted.begin(),
                                                      wanted.end(), [](const ForeignRule& a, const ForeignRule& b) {
                                                        return a.comment == b.comment && a.shape == b.shape;
                                                      });
    if (same) return;
    if (there_ == nullptr)
      step(ForeignChange::Kind::MakeChain, name_);
    else if (!there_->rules.empty())
      step(ForeignChange::Kind::EmptyChain, name_);
    for (const ForeignRule& rule : wanted) step(ForeignChange::Kind::AddRule, name_, rule);
  }

  /// One rule leads from there to ours, as the last that a packet comes to: ufw adds to the end.
  void open(const ForeignChain& door) {
    const auto end = std::find_if(door.rules.begin(), door.rules.end(),
                                  [](const ForeignRule& rule) { return rule.shape == "return"; });
    const bool open = end != door.rules.begin() && is_ours(*std::prev(end));
    for (auto rule = door.rules.begin(); rule != door.rules.end(); ++rule)
      if (is_ours(*rule) && !(open && rule == std::prev(end)))
        step(ForeignChange::Kind::DeleteRule, door.name, {}, rule->handle);
    if (open) return;
    step(ForeignChange::Kind::AddRule, door.name,
         netlink::make_foreign_rule(table_.family, table_.name, door.name, cooperation_jump(name_)),
         end == door.rules.end() ? std::nullopt : std::optional(end->handle));
  }

  void take_away() {
    bool others = false;
    for (const ForeignChain& chain : table_.chains)
      for (const ForeignRule& rule : chain.rules) {
        if (is_ours(rule)) step(ForeignChange::Kind::DeleteRule, chain.name, {}, rule.handle);
        others |= rule.target == name_ && !is_ours(rule);
      }
    if (there_ == nullptr) return;
    if (!there_->rules.empty()) step(ForeignChange::Kind::EmptyChain, name_);
    // Somebody else's rule leads there: the chain can only be left empty.
    if (!others) step(ForeignChange::Kind::DeleteChain, name_);
  }

  const ForeignTable& table_;
  std::string name_;
  const ForeignChain* there_;
  std::vector<ForeignChange>& out_;
};

}  // namespace

std::vector<ForeignChange> plan_cooperation(const ForeignTable& table, const std::vector<Network>& networks) {
  const bool ipv6 = table.family == kIp6;
  const CooperationRules rules = cooperation_rules(networks, ipv6, docker_interfaces(table));
  const std::string ufw = ipv6 ? "ufw6-user-" : "ufw-user-";
  std::vector<ForeignChange> changes;
  Plan(table, kForward, changes).bring_to(rules.forward, {kDockerUser, ufw + "forward"});
  Plan(table, kInput, changes).bring_to(rules.input, {ufw + "input"});
  return changes;
}

Result<std::size_t> cooperate(const std::vector<Network>& networks) {
  NWF_TRY(auto foreign, netlink::Foreign::open());
  for (int attempt = 0;; ++attempt) {
    NWF_TRY(const auto now, foreign.read(tables()));
    std::vector<ForeignChange> changes;
    for (const ForeignTable& table : now.tables)
      for (ForeignChange& change : plan_cooperation(table, networks)) changes.push_back(std::move(change));
    if (changes.empty()) return 0;
    auto applied = foreign.apply(changes, now.generation);
    if (applied) return changes.size();
    if (applied.error().kind != ErrorKind::Outdated || attempt + 1 >= kAttempts)
      return fail(std::move(applied).error());
  }
}

Result<std::vector<std::string>> cooperation_differences(const std::vector<Network>& networks) {
  NWF_TRY(auto foreign, netlink::Foreign::open());
  NWF_TRY(const auto now, foreign.read(tables()));
  std::vector<std::string> words;
  for (const ForeignTable& table : now.tables) {
    const std::size_t steps = plan_cooperation(table, networks).size();
    if (steps > 0)
      words.push_back(fmt::format("what cooperating networks have in table {} takes {} change{}",
                                  table_name(table.family, table.name), steps, steps == 1 ? "" : "s"));
  }
  return words;
}

}  // namespace nwf::host
