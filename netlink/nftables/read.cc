// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/read.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libnftnl/common.h>
#include <linux/netfilter/nfnetlink.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>

#include "netlink/handles.h"
#include "netlink/nftables/constants.h"
#include "netlink/nftables/encode_expression.h"
#include "netlink/nftables/ownership.h"
#include "netlink/nftables/request.h"
#include "netlink/nftables/userdata.h"

namespace nwf::netlink {
namespace {

constexpr int kAttempts = 8;
constexpr std::array kFamilies{Family::Bridge, Family::Inet};

std::span<const std::uint8_t> span_of(const void* data, std::uint32_t length) {
  if (data == nullptr) return {};
  return {static_cast<const std::uint8_t*>(data), length};
}

bool is_ours(const char* table, const std::string& ours) { return table != nullptr && ours == table; }

void read_table(const nlmsghdr* header, const std::string& ours, bool& found) {
  const NftTable table(nftnl_table_alloc());
  if (nftnl_table_nlmsg_parse(header, table.get()) == 0 &&
      is_ours(nftnl_table_get_str(table.get(), NFTNL_TABLE_NAME), ours))
    found = true;
}

void read_chain(const nlmsghdr* header, const std::string& ours, Table& out) {
  const NftChain chain(nftnl_chain_alloc());
  if (nftnl_chain_nlmsg_parse(header, chain.get()) != 0 ||
      !is_ours(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE), ours))
    return;
  Chain decoded;
  decoded.name = nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_NAME);
  if (nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_HOOKNUM))
    decoded.base =
        BaseHook{static_cast<Hook>(nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_HOOKNUM)),
                 nftnl_chain_get_s32(chain.get(), NFTNL_CHAIN_PRIO),
                 std::string_view(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TYPE)) == "nat" ? ChainType::Nat
                                                                                               : ChainType::Filter};
  std::uint32_t length = 0;
  const void* data = nftnl_chain_get_data(chain.get(), NFTNL_CHAIN_USERDATA, &length);
  decoded.comment = comment_in(span_of(data, length), NFTNL_UDATA_CHAIN_COMMENT);
  out.chains.insert_or_assign(decoded.name, std::move(decoded));
}

void read_rule(const nlmsghdr* header, const std::string& ours, Table& out) {
  const NftRule rule(nftnl_rule_alloc());
  if (nftnl_rule_nlmsg_parse(header, rule.get()) != 0 ||
      !is_ours(nftnl_rule_get_str(rule.get(), NFTNL_RULE_TABLE), ours))
    return;
  const auto chain = out.chains.find(nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN));
  if (chain == out.chains.end()) return;
  Rule decoded;
  std::uint32_t length = 0;
  const void* data = nftnl_rule_get_data(rule.get(), NFTNL_RULE_USERDATA, &length);
  decoded.comment = comment_in(span_of(data, length), NFTNL_UDATA_RULE_COMMENT);
  nftnl_expr_foreach(
      rule.get(),
      [](nftnl_expr* e, void* into) {
        if (auto expression = decode(*e)) static_cast<Rule*>(into)->expressions.push_back(std::move(*expression));
        return 0;
      },
      &decoded);
  chain->second.rules.push_back(std::move(decoded));
}

/// The kernel keeps a key's type as nft packed it; the widths follow from the types, and those of bare numbers from
/// what we wrote beside it.
std::vector<KeyPart> key_parts(std::uint32_t type, const std::vector<std::size_t>& number_widths) {
  std::vector<KeyPart> parts;
  for (; type != 0; type >>= 6U) {
    const auto part = static_cast<KeyType>(type & 0x3fU);
    parts.insert(parts.begin(), KeyPart{part, key_width(part)});
  }
  std::size_t next = 0;
  for (KeyPart& part : parts)
    if (part.type == KeyType::Integer && next < number_widths.size()) part.width = number_widths[next++];
  return parts;
}

void read_set(const nlmsghdr* header, const std::string& ours, Table& out) {
  const NftSet set(nftnl_set_alloc());
  if (nftnl_set_nlmsg_parse(header, set.get()) != 0 || !is_ours(nftnl_set_get_str(set.get(), NFTNL_SET_TABLE), ours))
    return;
  const std::uint32_t flags = nftnl_set_get_u32(set.get(), NFTNL_SET_FLAGS);
  if ((flags & NFT_SET_ANONYMOUS) != 0) return;
  Set decoded;
  decoded.name = nftnl_set_get_str(set.get(), NFTNL_SET_NAME);
  std::uint32_t length = 0;
  const void* data = nftnl_set_get_data(set.get(), NFTNL_SET_USERDATA, &length);
  const auto userdata = span_of(data, length);
  decoded.key = key_parts(nftnl_set_get_u32(set.get(), NFTNL_SET_KEY_TYPE), number_widths_in(userdata));
  decoded.verdict_map = (flags & NFT_SET_MAP) != 0;
  if (decoded.verdict_map) {
    const std::uint32_t type = nftnl_set_get_u32(set.get(), NFTNL_SET_DATA_TYPE);
    decoded.verdict_map = type == NFT_DATA_VERDICT;
    if (!decoded.verdict_map) decoded.data = key_parts(type, {});
  }
  decoded.interval = (flags & NFT_SET_INTERVAL) != 0;
  decoded.dynamic = (flags & NFT_SET_EVAL) != 0;
  if (nftnl_set_is_set(set.get(), NFTNL_SET_TIMEOUT))
    decoded.timeout_seconds = static_cast<std::uint32_t>(nftnl_set_get_u64(set.get(), NFTNL_SET_TIMEOUT) / 1000);
  if (nftnl_set_is_set(set.get(), NFTNL_SET_DESC_SIZE))
    decoded.size = nftnl_set_get_u32(set.get(), NFTNL_SET_DESC_SIZE);
  decoded.comment = comment_in(userdata, NFTNL_UDATA_SET_COMMENT);
  out.sets.insert_or_assign(decoded.name, std::move(decoded));
}

Bytes bytes_of(nftnl_set_elem* element, std::uint16_t attribute) {
  if (!nftnl_set_elem_is_set(element, attribute)) return {};
  std::uint32_t length = 0;
  const auto* data = static_cast<const std::uint8_t*>(nftnl_set_elem_get(element, attribute, &length));
  return data == nullptr ? Bytes{} : Bytes(data, data + length);
}

/// Ranges of a key with one part come as their starts, and as the place after each: that one has nothing but a mark in
/// its data. An end that no start belongs to is the kernel's own.
std::set<Element> ranges(const std::set<Element>& read) {
  std::set<Element> result;
  const Element* start = nullptr;
  const auto close = [&](Bytes last) {
    if (start != nullptr) result.insert({start->key, std::nullopt, std::move(last)});
    start = nullptr;
  };
  for (const Element& element : read) {  // by key
    // Where one range is over another may start: there the start comes first, and has closed the other.
    if (!element.data.empty() && start != nullptr && start->key == element.key) continue;
    Bytes before = element.key;
    for (auto byte = before.rbegin(); byte != before.rend(); ++byte)
      if ((*byte)-- != 0) break;
    close(std::move(before));
    if (element.data.empty()) start = &element;
  }
  if (start != nullptr) close(Bytes(start->key.size(), 0xff));
  return result;
}

void read_elements(const nlmsghdr* header, const Set& of, std::set<Element>& out) {
  const NftSet set(nftnl_set_alloc());
  if (nftnl_set_elems_nlmsg_parse(header, set.get()) < 0) return;
  struct Into {
    const Set& set;
    std::set<Element>& elements;
  } all{of, out};
  nftnl_set_elem_foreach(
      set.get(),
      [](nftnl_set_elem* element, void* into) {
        Element decoded;
        std::uint32_t length = 0;
        const auto* key = static_cast<const std::uint8_t*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &length));
        if (key == nullptr) return 0;
        decoded.key.assign(key, key + length);
        if (nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_VERDICT)) {
          const auto code =
              verdict_from(static_cast<std::int32_t>(nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_VERDICT)));
          const char* chain = nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_CHAIN)
                                  ? nftnl_set_elem_get_str(element, NFTNL_SET_ELEM_CHAIN)
                                  : nullptr;
          decoded.verdict = Verdict{code.value_or(VerdictCode::Continue), chain == nullptr ? "" : chain};
        }
        const auto& [set_of, elements] = *static_cast<Into*>(into);
        if (set_of.interval && set_of.key.size() > 1) {
          decoded.key_end = bytes_of(element, NFTNL_SET_ELEM_KEY_END);
          if (decoded.key_end.empty()) decoded.key_end = decoded.key;  // the kernel leaves out what is a single key
        }
        if (!set_of.data.empty()) decoded.data = bytes_of(element, NFTNL_SET_ELEM_DATA);
        const bool over = nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_FLAGS) &&
                          (nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_FLAGS) & NFT_SET_ELEM_INTERVAL_END) != 0;
        if (over) decoded.data = {1};
        elements.insert(std::move(decoded));
        return 0;
      },
      &all);
}

/// A null name: the rules of all chains.
Result<void> read_rules(Channel& channel, std::uint32_t& sequence, const std::string& ours, const char* chain,
                        Table& table) {
  Request rules(NFT_MSG_GETRULE, family_number(table.family), NLM_F_DUMP, sequence++);
  mnl_attr_put_strz(rules.header(), NFTA_RULE_TABLE, ours.c_str());
  if (chain != nullptr) mnl_attr_put_strz(rules.header(), NFTA_RULE_CHAIN, chain);
  return ask(channel, rules, [&](const nlmsghdr* header) { read_rule(header, ours, table); });
}

Result<void> read_family(Channel& channel, std::uint32_t& sequence, Family family, const std::string& ours,
                         const std::set<std::string>* only, Ruleset& out) {
  const std::uint8_t number = family_number(family);
  bool found = false;
  Request tables(NFT_MSG_GETTABLE, number, NLM_F_DUMP, sequence++);
  NWF_CHECK(ask(channel, tables, [&](const nlmsghdr* header) { read_table(header, ours, found); }));
  if (!found) return {};
  Table table{family, {}, {}, {}};
  Request chains(NFT_MSG_GETCHAIN, number, NLM_F_DUMP, sequence++);
  NWF_CHECK(ask(channel, chains, [&](const nlmsghdr* header) { read_chain(header, ours, table); }));
  if (only == nullptr) {
    NWF_CHECK(read_rules(channel, sequence, ours, nullptr, table));
  } else {
    std::erase_if(table.chains, [&](const auto& chain) { return !only->contains(chain.first); });
    for (const auto& [name, chain] : table.chains) NWF_CHECK(read_rules(channel, sequence, ours, name.c_str(), table));
  }
  Request sets(NFT_MSG_GETSET, number, NLM_F_DUMP, sequence++);
  mnl_attr_put_strz(sets.header(), NFTA_SET_TABLE, ours.c_str());
  NWF_CHECK(ask(channel, sets, [&](const nlmsghdr* header) { read_set(header, ours, table); }));
  for (const auto& [name, set] : table.sets) {
    if (set.dynamic || only != nullptr) continue;
    Request elements(NFT_MSG_GETSETELEM, number, NLM_F_DUMP, sequence++);
    mnl_attr_put_strz(elements.header(), NFTA_SET_ELEM_LIST_TABLE, ours.c_str());
    mnl_attr_put_strz(elements.header(), NFTA_SET_ELEM_LIST_SET, name.c_str());
    std::set<Element> read;
    NWF_CHECK(ask(channel, elements, [&, &its = set](const nlmsghdr* header) { read_elements(header, its, read); }));
    if (set.interval && set.key.size() == 1) read = ranges(read);
    if (!read.empty()) table.elements.emplace(name, std::move(read));
  }
  out.tables.emplace(family, std::move(table));
  return {};
}

Result<Held> read_once(Channel& channel, std::uint32_t& sequence, const std::string& table, const ChainNames* only) {
  Held held;
  NWF_TRY(held.generation, read_generation(channel, sequence));
  for (const Family family : kFamilies) {
    if (only != nullptr && !only->contains(family)) continue;
    NWF_CHECK(
        read_family(channel, sequence, family, table, only == nullptr ? nullptr : &only->at(family), held.ruleset));
  }
  NWF_TRY(const std::uint32_t after, read_generation(channel, sequence));
  if (after != held.generation) return changed_meanwhile();
  return held;
}

}  // namespace

Result<std::vector<TableState>> read_tables(Channel& channel, std::uint32_t& sequence) {
  std::vector<TableState> tables;
  for (const Family family : kFamilies) {
    Request request(NFT_MSG_GETTABLE, family_number(family), NLM_F_DUMP, sequence++);
    NWF_CHECK(ask(channel, request, [&](const nlmsghdr* header) {
      const NftTable table(nftnl_table_alloc());
      if (nftnl_table_nlmsg_parse(header, table.get()) != 0 ||
          !is_ours(nftnl_table_get_str(table.get(), NFTNL_TABLE_NAME), std::string(kTableName)))
        return;
      TableState state{family, nftnl_table_get_u32(table.get(), NFTNL_TABLE_FLAGS), 0};
      if (nftnl_table_is_set(table.get(), NFTNL_TABLE_OWNER))
        state.owner = nftnl_table_get_u32(table.get(), NFTNL_TABLE_OWNER);
      tables.push_back(state);
    }));
  }
  return tables;
}

Result<std::uint32_t> read_generation(Channel& channel, std::uint32_t& sequence) {
  std::uint32_t generation = 0;
  Request request(NFT_MSG_GETGEN, NFPROTO_UNSPEC, 0, sequence++);
  NWF_CHECK(ask(channel, request, [&](const nlmsghdr* header) {
    mnl_attr_parse(
        header, sizeof(nfgenmsg),
        [](const nlattr* attribute, void* into) {
          if (mnl_attr_get_type(attribute) == NFTA_GEN_ID && mnl_attr_get_payload_len(attribute) >= 4)
            *static_cast<std::uint32_t*>(into) = ntohl(mnl_attr_get_u32(attribute));
          return MNL_CB_OK;
        },
        &generation);
  }));
  return generation;
}

Result<Held> read_ruleset(Channel& channel, std::uint32_t& sequence, const std::string& table, const ChainNames* only) {
  for (int attempt = 0;; ++attempt) {
    auto held = read_once(channel, sequence, table, only);
    if (held || held.error().kind != ErrorKind::Outdated || attempt + 1 >= kAttempts) return held;
  }
}

}  // namespace nwf::netlink
