// SPDX-License-Identifier: GPL-2.0-or-later
#include "legacy/edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace nwf::legacy {
namespace {

class Edit {
 public:
  Edit(Editor& table, const TableId& id) : table_(table), id_(id) {}

  Result<void> check_names(const EncodedTable& wanted, const std::set<std::string>& ours) {
    const auto check = [&](const std::string& name) -> Result<void> {
      if (!table_.has(name) || ours.contains(name)) return {};
      return fail(ErrorKind::Refused,
                  fmt::format("{}: there is a chain '{}' already, and it is not nwf's", table_name(), name),
                  "if it is libvirt's, `nwfctl import libvirt` takes over; otherwise rename or remove it");
    };
    for (const std::string& hub : wanted.hubs) NWF_CHECK(check(hub));
    for (const auto& [name, chain] : wanted.chains) NWF_CHECK(check(name));
    return {};
  }

  /// Chains, all before any rule may lead to them; then what is in them; then what leads there.
  Result<void> bring(const EncodedTable& wanted) {
    for (const std::string& hub : wanted.hubs)
      if (!table_.has(hub)) NWF_CHECK(create(hub, false));
    for (const auto& [name, chain] : wanted.chains)
      if (!table_.has(name)) NWF_CHECK(create(name, chain.returns));
    for (const auto& [name, chain] : wanted.chains) NWF_CHECK(fill(name, chain));
    for (const Link<EncodedRule>& link : wanted.links)
      if (link.place == Place::End && !has(link)) {
        NWF_CHECK(table_.append(link.chain, link.rule));
        known_.at(link.chain).add(link.rule.image, link.rule.target);
        did("add a rule to", link.chain);
      }
    return bring_front(wanted.links);
  }

  Result<void> fill(const std::string& name, const Chain<EncodedRule>& chain) {
    const auto held = table_.rules(name);
    const bool same = std::ranges::equal(held, chain.rules, {}, &Editor::Held::image, &EncodedRule::image) &&
                      table_.ends_as(name, chain.returns);
    if (same) return {};
    table_.end_as(name, chain.returns);
    if (!held.empty()) NWF_CHECK(table_.flush(name));
    for (const EncodedRule& rule : chain.rules) NWF_CHECK(table_.append(name, rule));
    did("fill", name);
    return {};
  }

  /// At the front of their chains, in their order; one that is there stays where its administrator moved it.
  Result<void> bring_front(const std::vector<Link<EncodedRule>>& links) {
    NWF_CHECK(bring_at(links, Place::Front));
    return bring_at(links, Place::BehindPorts);
  }

  Result<void> bring_at(const std::vector<Link<EncodedRule>>& links, Place place) {
    std::map<std::string, std::size_t> next;
    for (const Link<EncodedRule>& link : links) {
      if (link.place != place) continue;
      if (!next.contains(link.chain)) next[link.chain] = place == Place::Front ? 0 : behind_ports(link.chain);
      std::size_t& at = next[link.chain];
      if (const auto found = find(link)) {
        at = *found + 1;
        continue;
      }
      NWF_CHECK(table_.insert(link.chain, link.rule, at++));
      known_.erase(link.chain);
      did("add a rule to", link.chain);
    }
    return {};
  }

  /// Behind the last rule that leads to a hub of the ports.
  std::size_t behind_ports(const std::string& chain) {
    const auto rules = table_.rules(chain);
    for (std::size_t i = rules.size(); i-- > 0;)
      if (std::ranges::find(kPortHubs, rules[i].target) != std::end(kPortHubs)) return i + 1;
    return 0;
  }

  Result<void> remove_links(const std::vector<Link<EncodedRule>>& links) {
    for (const Link<EncodedRule>& link : links)
      if (const auto found = find(link)) {
        NWF_CHECK(erase(link.chain, *found));
      }
    return {};
  }

  Result<void> remove_chain(const std::string& name) {
    if (!table_.has(name)) return {};
    NWF_CHECK(table_.flush(name));
    NWF_CHECK(table_.remove(name));
    did("remove", name);
    return {};
  }

  /// A rule that somebody else made to lead to it would keep it from going.
  Result<void> unlink(const std::string& name) {
    for (const std::string& chain : table_.chains()) {
      const auto rules = table_.rules(chain);
      for (std::size_t i = rules.size(); i-- > 0;)
        if (rules[i].target == name) NWF_CHECK(erase(chain, i));
    }
    return {};
  }

  std::optional<std::size_t> find(const Link<EncodedRule>& link) {
    if (!has(link)) return std::nullopt;
    const auto& rules = known_.at(link.chain).rules;
    return static_cast<std::size_t>(std::ranges::find(rules, link.rule.image, &Editor::Held::image) - rules.begin());
  }

  /// A hub has as many rules as there are ports, and is asked for each of them: it is read once.
  bool has(const Link<EncodedRule>& link) {
    if (!known_.contains(link.chain)) {
      if (!table_.has(link.chain)) return false;
      Known& known = known_[link.chain];
      for (Editor::Held& rule : table_.rules(link.chain)) known.add(std::move(rule.image), std::move(rule.target));
    }
    return known_.at(link.chain).count.contains(link.rule.image);
  }

  Result<void> erase(const std::string& chain, std::size_t at) {
    NWF_CHECK(table_.erase(chain, at));
    if (const auto known = known_.find(chain); known != known_.end()) known->second.erase(at);
    did("take a rule from", chain);
    return {};
  }

  Result<void> create(const std::string& name, bool returns) {
    NWF_CHECK(table_.create(name, returns));
    did("make", name);
    return {};
  }

  void did(std::string_view what, const std::string& chain) {
    deeds.push_back(fmt::format("{} chain {} of {}", what, chain, table_name()));
  }
  std::string table_name() const { return fmt::format("{} table {}", family_name(id_.family), id_.name); }

  Deeds deeds;

 private:
  /// What is in a chain, and how often.
  struct Known {
    std::vector<Editor::Held> rules;
    std::map<Bytes, std::size_t> count;
    void add(Bytes image, std::string target) {
      ++count[image];
      rules.push_back({std::move(image), std::move(target)});
    }
    void erase(std::size_t at) {
      const auto found = count.find(rules[at].image);
      if (--found->second == 0) count.erase(found);
      rules.erase(rules.begin() + static_cast<std::ptrdiff_t>(at));
    }
  };

  Editor& table_;
  const TableId& id_;
  std::map<std::string, Known> known_;
};

bool leads_to_hub(const Link<EncodedRule>& link, const EncodedTable& of) {
  return link.place == Place::Front && std::ranges::find(of.hubs, link.rule.target) != of.hubs.end();
}

}  // namespace

Result<Deeds> change(Editor& table, const TableId& id, const EncodedTable& before, const EncodedTable& after,
                     const std::set<std::string>& ours) {
  Edit edit(table, id);
  NWF_CHECK(edit.check_names(after, ours));
  NWF_CHECK(edit.bring(after));
  std::set<std::pair<std::string, Bytes>> stay;
  for (const Link<EncodedRule>& link : after.links) stay.emplace(link.chain, link.rule.image);
  std::vector<Link<EncodedRule>> gone;
  for (const Link<EncodedRule>& link : before.links)
    if (!stay.contains({link.chain, link.rule.image}) && !leads_to_hub(link, before)) gone.push_back(link);
  NWF_CHECK(edit.remove_links(gone));
  std::vector<std::string> shared;
  for (const auto& [name, chain] : before.chains) {
    if (after.chains.contains(name)) continue;
    if (chain.shared) {
      shared.push_back(name);
      continue;
    }
    // A rule that somebody else made to lead there would keep it from going.
    if (table.has(name) && table.is_referred_to(name)) NWF_CHECK(edit.unlink(name));
    NWF_CHECK(edit.remove_chain(name));
  }
  for (const std::string& name : shared)
    if (table.has(name) && !table.is_referred_to(name)) NWF_CHECK(edit.remove_chain(name));
  for (const std::string& hub : before.hubs) {
    const bool wanted = std::ranges::find(after.hubs, hub) != after.hubs.end();
    if (wanted || !table.has(hub) || !ours.contains(hub) || !table.rules(hub).empty()) continue;
    NWF_CHECK(edit.unlink(hub));
    NWF_CHECK(edit.remove_chain(hub));
  }
  return std::move(edit.deeds);
}

Result<Deeds> make_exact(Editor& table, const TableId& id, const EncodedTable& wanted,
                         const std::set<std::string>& ours) {
  Edit edit(table, id);
  NWF_CHECK(edit.check_names(wanted, ours));
  NWF_CHECK(edit.bring(wanted));
  // What is in a hub is all nwf's: rules too many go, one by one.
  for (const std::string& hub : wanted.hubs) {
    std::vector<Bytes> images;
    for (const Link<EncodedRule>& link : wanted.links)
      if (link.chain == hub) images.push_back(link.rule.image);
    std::ranges::sort(images);
    const auto rules = table.rules(hub);
    for (std::size_t i = rules.size(); i-- > 0;)
      if (!std::ranges::binary_search(images, rules[i].image)) NWF_CHECK(edit.erase(hub, i));
  }
  std::vector<std::string> stale;
  for (const std::string& name : ours) {
    const bool is_wanted = wanted.chains.contains(name) || std::ranges::find(wanted.hubs, name) != wanted.hubs.end();
    if (!is_wanted && table.has(name)) stale.push_back(name);
  }
  for (const std::string& name : stale) NWF_CHECK(edit.unlink(name));
  for (const std::string& name : stale) NWF_CHECK(table.flush(name));
  for (const std::string& name : stale) NWF_CHECK(edit.remove_chain(name));
  return std::move(edit.deeds);
}

}  // namespace nwf::legacy
