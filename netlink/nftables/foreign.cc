// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/foreign.h"

#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_physdev.h>

#include <algorithm>
#include <cstring>

#include "netlink/handles.h"
#include "netlink/nftables/foreign_batch.h"
#include "netlink/nftables/foreign_rule.h"
#include "netlink/nftables/read.h"
#include "netlink/nftables/request.h"

namespace nwf::netlink {
namespace {

constexpr int kAttempts = 8;

void read_chain(const nlmsghdr* header, ForeignTable& table) {
  const NftChain chain(nftnl_chain_alloc());
  if (nftnl_chain_nlmsg_parse(header, chain.get()) != 0) return;
  const char* of = nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE);
  if (of == nullptr || table.name != of) return;
  ForeignChain read;
  read.name = nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_NAME);
  read.base = nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_HOOKNUM);
  read.drops = read.base && nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_POLICY) == NF_DROP;
  read.message = attributes_of(header);
  table.chains.push_back(std::move(read));
}

void read_rule(const nlmsghdr* header, ForeignTable& table) {
  const NftRule rule(nftnl_rule_alloc());
  if (nftnl_rule_nlmsg_parse(header, rule.get()) != 0) return;
  const char* of = nftnl_rule_get_str(rule.get(), NFTNL_RULE_TABLE);
  if (of == nullptr || table.name != of) return;
  const std::string name = nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN);
  const auto chain =
      std::find_if(table.chains.begin(), table.chains.end(), [&](const auto& c) { return c.name == name; });
  if (chain == table.chains.end()) return;
  chain->rules.push_back(read_foreign_rule(header, rule.get()));
}

Result<ForeignTables> read_once(Channel& channel, std::uint32_t& sequence, const std::vector<ForeignPlace>& places) {
  ForeignTables read;
  NWF_TRY(read.generation, read_generation(channel, sequence));
  for (const ForeignPlace& place : places) {
    ForeignTable table{place.family, place.name, {}};
    bool there = false;
    Request tables(NFT_MSG_GETTABLE, place.family, NLM_F_DUMP, sequence++);
    NWF_CHECK(ask(channel, tables, [&](const nlmsghdr* header) {
      const NftTable one(nftnl_table_alloc());
      there |= nftnl_table_nlmsg_parse(header, one.get()) == 0 &&
               place.name == nftnl_table_get_str(one.get(), NFTNL_TABLE_NAME);
    }));
    if (!there) continue;
    Request chains(NFT_MSG_GETCHAIN, place.family, NLM_F_DUMP, sequence++);
    NWF_CHECK(ask(channel, chains, [&](const nlmsghdr* header) { read_chain(header, table); }));
    Request rules(NFT_MSG_GETRULE, place.family, NLM_F_DUMP, sequence++);
    mnl_attr_put_strz(rules.header(), NFTA_RULE_TABLE, place.name.c_str());
    NWF_CHECK(ask(channel, rules, [&](const nlmsghdr* header) { read_rule(header, table); }));
    read.tables.push_back(std::move(table));
  }
  NWF_TRY(const std::uint32_t after, read_generation(channel, sequence));
  if (after != read.generation) return changed_meanwhile();
  return read;
}

void take_away(ForeignBatch& batch, const std::vector<ForeignPiece>& pieces) {
  for (const ForeignPiece& piece : pieces) {
    if (piece.whole) {
      if (!piece.chain.rules.empty()) batch.delete_rules(piece.family, piece.table, piece.chain.name, std::nullopt);
      continue;
    }
    for (const ForeignRule& rule : piece.chain.rules)
      batch.delete_rules(piece.family, piece.table, piece.chain.name, rule.handle);
  }
  // Once no rule leads anywhere.
  for (const ForeignPiece& piece : pieces)
    if (piece.whole) batch.delete_chain(piece.family, piece.table, piece.chain.name);
}

const ForeignChain* chain_in(const ForeignTables& now, const ForeignPiece& piece) {
  for (const ForeignTable& table : now.tables) {
    if (table.family != piece.family || table.name != piece.table) continue;
    for (const ForeignChain& chain : table.chains)
      if (chain.name == piece.chain.name) return &chain;
  }
  return nullptr;
}

/// Brings the pieces back to what there is `now`; how many rules.
std::size_t bring_back(ForeignBatch& batch, const std::vector<ForeignPiece>& pieces, const ForeignTables& now) {
  for (const ForeignPiece& piece : pieces) {
    if (chain_in(now, piece) != nullptr) continue;
    batch.add_table(piece.family, piece.table);
    batch.add_chain(piece.family, piece.chain);
  }
  std::size_t rules = 0;
  for (const ForeignPiece& piece : pieces) {
    const ForeignChain* there = chain_in(now, piece);
    if (piece.whole && there != nullptr) continue;  // somebody made it anew, as it should be now
    std::vector<const ForeignRule*> layout;
    if (there != nullptr)
      for (const ForeignRule& rule : there->rules) layout.push_back(&rule);
    const std::size_t before = layout.size();
    std::vector<const ForeignRule*> back;
    for (std::size_t i = 0; i < piece.chain.rules.size(); ++i) {
      const ForeignRule& rule = piece.chain.rules[i];
      const bool again = std::any_of(layout.begin(), layout.end(),
                                     [&](const ForeignRule* other) { return other->shape == rule.shape; });
      if (!piece.whole && again) continue;
      const std::size_t place = piece.whole ? layout.size() : std::min(piece.places[i], layout.size());
      layout.insert(layout.begin() + static_cast<std::ptrdiff_t>(place), &rule);
      back.push_back(&rule);
    }
    if (layout.size() == before) continue;
    // Each before the next rule that is there already.
    for (std::size_t i = 0; i < layout.size(); ++i) {
      const auto is_back = [&](const ForeignRule* rule) {
        return std::find(back.begin(), back.end(), rule) != back.end();
      };
      if (!is_back(layout[i])) continue;
      std::optional<std::uint64_t> next;
      for (std::size_t j = i + 1; j < layout.size() && !next; ++j)
        if (!is_back(layout[j])) next = layout[j]->handle;
      batch.add_rule(piece.family, piece.chain.name, *layout[i], next);
      ++rules;
    }
  }
  return rules;
}

}  // namespace

Result<Foreign> Foreign::open() {
  NWF_TRY(auto channel, open_netfilter());
  return Foreign(std::move(channel));
}

Result<ForeignTables> Foreign::read(const std::vector<ForeignPlace>& places) {
  for (int attempt = 0;; ++attempt) {
    auto read = read_once(*channel_, sequence_, places);
    if (read || read.error().kind != ErrorKind::Outdated || attempt + 1 >= kAttempts) return read;
  }
}

Result<void> Foreign::try_to_return(const std::vector<ForeignPiece>& pieces, std::uint32_t generation) {
  ForeignBatch batch(sequence_, generation);
  take_away(batch, pieces);
  // Of a chain that stays its other rules are not said here: each comes to the end.
  for (const ForeignPiece& piece : pieces)
    if (piece.whole) batch.add_chain(piece.family, piece.chain);
  for (const ForeignPiece& piece : pieces)
    for (const ForeignRule& rule : piece.chain.rules)
      batch.add_rule(piece.family, piece.chain.name, rule, std::nullopt);
  auto tried = batch.run(*channel_, false);
  sequence_ = batch.next_sequence();
  return tried;
}

Result<void> Foreign::remove(const std::vector<ForeignPiece>& pieces, std::uint32_t generation) {
  ForeignBatch batch(sequence_, generation);
  take_away(batch, pieces);
  auto removed = batch.run(*channel_, true);
  sequence_ = batch.next_sequence();
  return removed;
}

Result<void> Foreign::apply(const std::vector<ForeignChange>& changes, std::uint32_t generation) {
  ForeignBatch batch(sequence_, generation);
  for (const ForeignChange& change : changes) switch (change.kind) {
      case ForeignChange::Kind::MakeChain:
        batch.add_regular_chain(change.family, change.table, change.chain);
        break;
      case ForeignChange::Kind::AddRule:
        batch.add_rule(change.family, change.chain, change.rule, change.handle);
        break;
      case ForeignChange::Kind::DeleteRule:
        batch.delete_rules(change.family, change.table, change.chain, change.handle);
        break;
      case ForeignChange::Kind::EmptyChain:
        batch.delete_rules(change.family, change.table, change.chain, std::nullopt);
        break;
      case ForeignChange::Kind::DeleteChain:
        batch.delete_chain(change.family, change.table, change.chain);
        break;
    }
  auto applied = batch.run(*channel_, true);
  sequence_ = batch.next_sequence();
  return applied;
}

Result<std::size_t> Foreign::put_back(const std::vector<ForeignPiece>& pieces) {
  std::vector<ForeignPlace> places;
  for (const ForeignPiece& piece : pieces)
    if (std::none_of(places.begin(), places.end(), [&](const ForeignPlace& place) {
          return place.family == piece.family && place.name == piece.table;
        }))
      places.push_back({piece.family, piece.table});
  for (int attempt = 0;; ++attempt) {
    NWF_TRY(const ForeignTables now, read(places));
    ForeignBatch batch(sequence_, now.generation);
    const std::size_t rules = bring_back(batch, pieces, now);
    auto done = batch.run(*channel_, true);
    sequence_ = batch.next_sequence();
    if (done) return rules;
    if (done.error().kind != ErrorKind::Outdated || attempt + 1 >= kAttempts) return fail(std::move(done).error());
  }
}

}  // namespace nwf::netlink
