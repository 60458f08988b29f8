// SPDX-License-Identifier: GPL-2.0-or-later
#include "legacy/kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "legacy/encode_ethernet.h"
#include "legacy/encode_ip.h"
#include "legacy/ethernet_table.h"
#include "legacy/ip_table.h"

namespace nwf::legacy {
namespace {

/// Somebody else may write between our reading and our writing; so long it is tried again, as for a lock that is held.
constexpr std::chrono::seconds kPatience{5};

template <class Rule, class Encode>
Result<EncodedTable> encoded(const Table<Rule>& table, const Encode& encode_rule) {
  EncodedTable out;
  for (const auto& [name, chain] : table.chains) {
    Chain<EncodedRule> made{{}, chain.returns, chain.shared};
    for (const Rule& rule : chain.rules) {
      auto one = encode_rule(rule);
      if (!one) return fail(std::move(one).error().in("chain " + name));
      made.rules.push_back(std::move(*one));
    }
    out.chains.emplace(name, std::move(made));
  }
  out.hubs = table.hubs;
  for (const Link<Rule>& link : table.links) {
    NWF_TRY(auto rule, encode_rule(link.rule));
    out.links.push_back({link.chain, std::move(rule), link.place});
  }
  return out;
}

Result<EncodedTable> encoded_table(const Tables& tables, const TableId& id) {
  if (id.family == Family::Ethernet)
    return encoded(tables.ethernet, [](const EthernetRule& rule) { return encode(rule); });
  const auto found = tables.ip.find(id);
  if (found == tables.ip.end()) return EncodedTable{};
  return encoded(found->second, [&](const IpRule& rule) { return encode(rule, id.family == Family::Ip6); });
}

Result<std::unique_ptr<Editor>> read_table(const TableId& id, std::function<Result<void>()>& commit) {
  if (id.family == Family::Ethernet) {
    NWF_TRY(auto table, read_ethernet_table(id.name));
    commit = [raw = table.get()] { return raw->commit(); };
    return std::unique_ptr<Editor>(std::move(table));
  }
  NWF_TRY(auto table, read_ip_table(id));
  commit = [raw = table.get()] { return raw->commit(); };
  return std::unique_ptr<Editor>(std::move(table));
}

Probe probe(const Result<void>& tried) {
  if (tried) return Probe::Yes;
  return tried.error().kind == ErrorKind::Denied ? Probe::Unknown : Probe::No;
}

class LinuxKernel final : public Kernel {
 public:
  explicit LinuxKernel(std::string lock) : lock_(std::move(lock)) {}

  Result<Support> support() override {
    const auto try_table = [](const TableId& id) -> Result<void> {
      std::function<Result<void>()> commit;
      NWF_CHECK(read_table(id, commit));
      return {};
    };
    return Support{probe(try_table({Family::Ip4, "filter"})), probe(try_table({Family::Ip6, "filter"})),
                   probe(try_table(ethernet_table()))};
  }

  Result<Names> apply(const Tables& before, const Tables& after, const Names& ours) override {
    Names gone;
    std::vector<TableId> touched = ids(before, after), done;
    std::erase_if(touched, [&](const TableId& id) { return same(before, after, id); });  // those need not be read
    NWF_TRY(const auto locks, lock(touched));
    for (const TableId& id : touched) {
      auto changed = change_one(id, before, after, ours, &gone);
      if (changed) {
        done.push_back(id);
        continue;
      }
      // A table by itself changes whole or not at all; those that went before go back.
      Names made = ours;
      for (const auto& [table, names] : chain_names(after)) made[table].insert(names.begin(), names.end());
      for (const TableId& other : done)
        if (auto back = change_one(other, after, before, made, nullptr); !back)
          return fail(std::move(back).error().in("cannot take back what was changed before another change failed"));
      return fail(std::move(changed).error());
    }
    return gone;
  }

  Result<std::size_t> make_exact(const Tables& wanted, const Names& ours) override {
    const std::vector<TableId> touched = ids(wanted, ours);
    NWF_TRY(const auto locks, lock(touched));
    for (const TableId& id : touched) NWF_CHECK(exact_one(id, wanted, ours, false));
    std::size_t changes = 0;
    for (const TableId& id : touched) {
      NWF_TRY(const Deeds deeds, exact_one(id, wanted, ours, true));
      changes += deeds.size();
    }
    return changes;
  }

  Result<std::vector<std::string>> differences(const Tables& wanted, const Names& ours) override {
    Deeds all;
    for (const TableId& id : ids(wanted, ours)) {
      NWF_TRY(Deeds deeds, exact_one(id, wanted, ours, false));
      all.insert(all.end(), deeds.begin(), deeds.end());
    }
    return all;
  }

 private:
  /// The ethernet layer first, which stops more.
  static std::vector<TableId> ids(const Tables& some, const Tables& others) {
    std::set<TableId> ids;
    for (const Tables* tables : {&some, &others})
      for (const auto& [id, table] : tables->ip)
        if (!table.empty()) ids.insert(id);
    std::vector<TableId> list;
    if (!some.ethernet.empty() || !others.ethernet.empty()) list.push_back(ethernet_table());
    list.insert(list.end(), ids.begin(), ids.end());
    return list;
  }
  static std::vector<TableId> ids(const Tables& wanted, const Names& ours) {
    std::vector<TableId> list = ids(wanted, Tables{});
    for (const auto& [id, names] : ours)
      if (!names.empty() && std::find(list.begin(), list.end(), id) == list.end()) list.push_back(id);
    return list;
  }
  /// Those that other programs take who change these tables.
  Result<std::vector<TablesLock>> lock(const std::vector<TableId>& tables) const {
    std::vector<TablesLock> locks;
    NWF_TRY(auto xtables, TablesLock::take(lock_));
    locks.push_back(std::move(xtables));
    if (std::ranges::find(tables, ethernet_table()) != tables.end()) {
      NWF_TRY(auto ebtables, TablesLock::take_if_used(kEbtablesLock));
      locks.push_back(std::move(ebtables));
    }
    return locks;
  }
  static bool same(const Tables& before, const Tables& after, const TableId& id) {
    if (id.family == Family::Ethernet) return before.ethernet == after.ethernet;
    const auto from = before.ip.find(id), to = after.ip.find(id);
    const IpTable none;
    return (from == before.ip.end() ? none : from->second) == (to == after.ip.end() ? none : to->second);
  }
  static std::set<std::string> names_in(const Names& names, const TableId& id) {
    const auto found = names.find(id);
    return found == names.end() ? std::set<std::string>{} : found->second;
  }

  /// Reads, changes and writes one table, until nobody else wrote in between.
  static Result<Deeds> attempt(
      const TableId& id, bool write, const EncodedTable& wanted, std::set<std::string> ours,
      const std::function<Result<Deeds>(Editor&, const std::set<std::string>&)>& change_table) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    int attempts = 0;
    for (; attempts == 0 || std::chrono::steady_clock::now() < end; ++attempts) {
      std::function<Result<void>()> commit;
      const auto table = read_table(id, commit);
      if (!table && table.error().kind == ErrorKind::Outdated) continue;
      // What is not there holds nothing, and need not.
      if (!table && table.error().kind == ErrorKind::Unsupported && wanted.empty()) return Deeds{};
      if (!table) return fail(table.error());
      NWF_TRY(Deeds deeds, change_table(**table, ours));
      if (deeds.empty() || !write) return deeds;
      auto committed = commit();
      if (committed) return deeds;
      if (committed.error().kind == ErrorKind::Outdated) continue;
      // libiptc gives rules their counters back in a call of its own, which fails when somebody wrote behind the first:
      // then the table is as it was to be, or somebody's on top of it.
      std::function<Result<void>()> not_again;
      NWF_TRY(const auto now, read_table(id, not_again));
      for (const auto& [name, chain] : wanted.chains) ours.insert(name);
      ours.insert(wanted.hubs.begin(), wanted.hubs.end());
      NWF_TRY(const Deeds missing, change_table(*now, ours));
      if (!missing.empty()) return fail(std::move(committed).error());
      return deeds;
    }
    return fail(ErrorKind::Kernel,
                fmt::format("somebody else changed the {} table {} {} times meanwhile", family_name(id.family), id.name,
                            attempts),
                "see who does, and try again");
  }

  static Result<Deeds> change_one(const TableId& id, const Tables& before, const Tables& after, const Names& ours,
                                  Names* gone) {
    NWF_TRY(const EncodedTable from, encoded_table(before, id));
    NWF_TRY(const EncodedTable to, encoded_table(after, id));
    return attempt(id, true, to, names_in(ours, id), [&](Editor& table, const auto& names) -> Result<Deeds> {
      NWF_TRY(Deeds deeds, change(table, id, from, to, names));
      if (gone == nullptr) return deeds;
      std::set<std::string>& went = (*gone)[id];
      went.clear();
      for (const auto& [name, chain] : from.chains)
        if (!table.has(name)) went.insert(name);
      for (const std::string& hub : from.hubs)
        if (!table.has(hub)) went.insert(hub);
      return deeds;
    });
  }

  static Result<Deeds> exact_one(const TableId& id, const Tables& wanted, const Names& ours, bool write) {
    NWF_TRY(const EncodedTable to, encoded_table(wanted, id));
    return attempt(id, write, to, names_in(ours, id),
                   [&](Editor& table, const auto& names) { return legacy::make_exact(table, id, to, names); });
  }

  const std::string lock_;
};

}  // namespace

std::unique_ptr<Kernel> open_kernel(const std::string& lock) { return std::make_unique<LinuxKernel>(lock); }

}  // namespace nwf::legacy
