// SPDX-License-Identifier: GPL-2.0-or-later
#include "legacy/kernel.h"

#include <fmt/format.h>

#include <functional>

#include "legacy/encode_ethernet.h"
#include "legacy/encode_ip.h"
#include "legacy/ethernet_table.h"
#include "legacy/ip_table.h"

namespace nwf::legacy {
namespace {

/// Somebody else may write between our reading and our writing; this often it is tried again.
constexpr int kAttempts = 16;

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

  Result<void> apply(const Tables& before, const Tables& after, const Names& ours) override {
    NWF_TRY(const TablesLock lock, TablesLock::take(lock_));
    std::vector<TableId> done;
    for (const TableId& id : ids(before, after)) {
      auto changed = change_one(id, before, after, ours);
      if (changed) {
        done.push_back(id);
        continue;
      }
      // A table by itself changes whole or not at all; those that went before go back.
      Names made = ours;
      for (const auto& [table, names] : chain_names(after)) made[table].insert(names.begin(), names.end());
      for (const TableId& other : done)
        if (auto back = change_one(other, after, before, made); !back)
          return fail(std::move(back).error().in("cannot take back what was changed before another change failed"));
      return fail(std::move(changed).error());
    }
    return {};
  }

  Result<std::size_t> make_exact(const Tables& wanted, const Names& ours) override {
    NWF_TRY(const TablesLock lock, TablesLock::take(lock_));
    std::size_t changes = 0;
    for (const TableId& id : ids(wanted, ours)) {
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
  /// The ethernet layer first: a port that is bound is closed rather than half open meanwhile.
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
  static std::set<std::string> names_in(const Names& names, const TableId& id) {
    const auto found = names.find(id);
    return found == names.end() ? std::set<std::string>{} : found->second;
  }

  /// Reads, changes and writes one table, until nobody else wrote in between.
  static Result<Deeds> attempt(const TableId& id, bool write,
                               const std::function<Result<Deeds>(Editor&)>& change_table) {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      std::function<Result<void>()> commit;
      NWF_TRY(const auto table, read_table(id, commit));
      NWF_TRY(Deeds deeds, change_table(*table));
      if (deeds.empty() || !write) return deeds;
      auto committed = commit();
      if (committed) return deeds;
      if (committed.error().kind != ErrorKind::Outdated) return fail(std::move(committed).error());
    }
    return fail(ErrorKind::Kernel,
                fmt::format("somebody else changed the {} table {} {} times meanwhile", family_name(id.family), id.name,
                            kAttempts),
                "see who does, and try again");
  }

  static Result<Deeds> change_one(const TableId& id, const Tables& before, const Tables& after, const Names& ours) {
    NWF_TRY(const EncodedTable from, encoded_table(before, id));
    NWF_TRY(const EncodedTable to, encoded_table(after, id));
    const auto names = names_in(ours, id);
    return attempt(id, true, [&](Editor& table) { return change(table, id, from, to, names); });
  }

  static Result<Deeds> exact_one(const TableId& id, const Tables& wanted, const Names& ours, bool write) {
    NWF_TRY(const EncodedTable to, encoded_table(wanted, id));
    const auto names = names_in(ours, id);
    return attempt(id, write, [&](Editor& table) { return legacy::make_exact(table, id, to, names); });
  }

  const std::string lock_;
};

}  // namespace

std::unique_ptr<Kernel> open_kernel(const std::string& lock) { return std::make_unique<LinuxKernel>(lock); }

}  // namespace nwf::legacy
