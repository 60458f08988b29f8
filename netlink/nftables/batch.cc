// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/batch.h"

#include <arpa/inet.h>
#include <libnftnl/batch.h>
#include <libnftnl/common.h>
#include <linux/netfilter/nfnetlink.h>

#include <cassert>
#include <cstring>

#include "netlink/handles.h"
#include "netlink/nftables/constants.h"
#include "netlink/nftables/encode_expression.h"
#include "netlink/nftables/userdata.h"

namespace nwf::netlink {
namespace {

/// Room for any one message: a rule's expressions, or a chunk of elements.
constexpr std::size_t kMessageRoom = 96U << 10U;
/// A netlink attribute's length has 16 bits; a chunk of elements stays well below.
constexpr std::size_t kElementBytes = 48U << 10U;

void put_userdata(nlmsghdr* header, std::uint16_t attribute, std::uint8_t type, const std::string& comment) {
  const auto data = comment_userdata(type, comment);
  if (!data.empty()) mnl_attr_put(header, attribute, data.size(), data.data());
}

void put_string(nlmsghdr* header, std::uint16_t attribute, const std::string& text) {
  mnl_attr_put_strz(header, attribute, text.c_str());
}

void put_value(nlmsghdr* header, std::uint16_t attribute, const Bytes& bytes) {
  nlattr* nest = mnl_attr_nest_start(header, attribute);
  mnl_attr_put(header, NFTA_DATA_VALUE, bytes.size(), bytes.data());
  mnl_attr_nest_end(header, nest);
}

/// How many bytes each part of a key has: the kernel looks at the ranges of each by itself.
void put_fields(nlmsghdr* header, const std::vector<KeyPart>& key) {
  nlattr* concatenation = mnl_attr_nest_start(header, NFTA_SET_DESC_CONCAT);
  for (const KeyPart& part : key) {
    nlattr* field = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
    mnl_attr_put_u32(header, NFTA_SET_FIELD_LEN, htonl(static_cast<std::uint32_t>(part.width)));
    mnl_attr_nest_end(header, field);
  }
  mnl_attr_nest_end(header, concatenation);
}

/// One past the key, as a big-endian number; nothing after the last one.
std::optional<Bytes> one_after(Bytes key) {
  for (auto byte = key.rbegin(); byte != key.rend(); ++byte)
    if (++*byte != 0) return key;
  return std::nullopt;
}

/// A range of a set whose key has one part is two elements: its start, and where it is over.
void put_interval(nlmsghdr* header, const Element& element) {
  nlattr* start = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
  put_value(header, NFTA_SET_ELEM_KEY, element.key);
  mnl_attr_nest_end(header, start);
  const auto over = one_after(element.key_end);
  if (!over) return;
  nlattr* end = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
  put_value(header, NFTA_SET_ELEM_KEY, *over);
  mnl_attr_put_u32(header, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
  mnl_attr_nest_end(header, end);
}

/// Without its data where there is some: an element is deleted by its key alone.
void put_element(nlmsghdr* header, const Set& set, const Element& element, bool with_data) {
  if (set.interval && set.key.size() == 1) return put_interval(header, element);
  nlattr* item = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
  put_value(header, NFTA_SET_ELEM_KEY, element.key);
  if (set.interval) put_value(header, NFTA_SET_ELEM_KEY_END, element.key_end);
  if (with_data && !set.data.empty()) put_value(header, NFTA_SET_ELEM_DATA, element.data);
  if (with_data && set.verdict_map && element.verdict) {
    nlattr* data = mnl_attr_nest_start(header, NFTA_SET_ELEM_DATA);
    nlattr* verdict = mnl_attr_nest_start(header, NFTA_DATA_VERDICT);
    mnl_attr_put_u32(header, NFTA_VERDICT_CODE,
                     htonl(static_cast<std::uint32_t>(verdict_number(element.verdict->code))));
    if (!element.verdict->chain.empty()) put_string(header, NFTA_VERDICT_CHAIN, element.verdict->chain);
    mnl_attr_nest_end(header, verdict);
    mnl_attr_nest_end(header, data);
  }
  mnl_attr_nest_end(header, item);
}

}  // namespace

/// The message or messages of one change.
struct Encoder {
  Batch& batch;
  Family family;

  void operator()(const change::AddTable&) const { batch.add_table(batch.table_.c_str(), family); }
  void operator()(const change::DeleteTable&) const { simple(NFT_MSG_DELTABLE, 0, NFTA_TABLE_NAME); }

  void operator()(const change::AddChain& c) const {
    nlmsghdr* header = batch.message(NFT_MSG_NEWCHAIN, family, NLM_F_CREATE);
    put_string(header, NFTA_CHAIN_TABLE, batch.table_);
    put_string(header, NFTA_CHAIN_NAME, c.chain.name);
    if (c.chain.base) {
      mnl_attr_put_strz(header, NFTA_CHAIN_TYPE, c.chain.base->type == ChainType::Nat ? "nat" : "filter");
      nlattr* hook = mnl_attr_nest_start(header, NFTA_CHAIN_HOOK);
      mnl_attr_put_u32(header, NFTA_HOOK_HOOKNUM, htonl(hook_number(c.chain.base->hook)));
      mnl_attr_put_u32(header, NFTA_HOOK_PRIORITY, htonl(static_cast<std::uint32_t>(c.chain.base->priority)));
      mnl_attr_nest_end(header, hook);
      mnl_attr_put_u32(header, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
    }
    put_userdata(header, NFTA_CHAIN_USERDATA, NFTNL_UDATA_CHAIN_COMMENT, c.chain.comment);
    batch.close(header);
  }

  /// Without a handle, DELRULE deletes all rules of the chain.
  void operator()(const change::FlushChain& c) const {
    nlmsghdr* header = batch.message(NFT_MSG_DELRULE, family, 0);
    put_string(header, NFTA_RULE_TABLE, batch.table_);
    put_string(header, NFTA_RULE_CHAIN, c.chain);
    batch.close(header);
  }

  void operator()(const change::DeleteChain& c) const {
    nlmsghdr* header = batch.message(NFT_MSG_DELCHAIN, family, 0);
    put_string(header, NFTA_CHAIN_TABLE, batch.table_);
    put_string(header, NFTA_CHAIN_NAME, c.chain);
    batch.close(header);
  }

  void operator()(const change::AddRule& c) const {
    NftRule rule(nftnl_rule_alloc());
    nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, batch.table_.c_str());
    nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, c.chain.c_str());
    for (const Expression& expression : c.rule.expressions)
      nftnl_rule_add_expr(rule.get(), encode(expression, family).release());
    nlmsghdr* header = batch.message(NFT_MSG_NEWRULE, family, NLM_F_CREATE | NLM_F_APPEND);
    nftnl_rule_nlmsg_build_payload(header, rule.get());
    put_userdata(header, NFTA_RULE_USERDATA, NFTNL_UDATA_RULE_COMMENT, c.rule.comment);
    batch.close(header);
  }

  void operator()(const change::AddSet& c) const {
    nlmsghdr* header = batch.message(NFT_MSG_NEWSET, family, NLM_F_CREATE);
    const Set& set = c.set;
    std::uint32_t flags = 0;
    if (set.verdict_map) flags |= NFT_SET_MAP;
    if (set.dynamic) flags |= NFT_SET_EVAL;
    if (set.timeout_seconds > 0) flags |= NFT_SET_TIMEOUT;
    if (set.interval) flags |= NFT_SET_INTERVAL;
    if (is_concatenated_interval(set)) flags |= NFT_SET_CONCAT;
    if (!set.data.empty()) flags |= NFT_SET_MAP;
    put_string(header, NFTA_SET_TABLE, batch.table_);
    put_string(header, NFTA_SET_NAME, set.name);
    mnl_attr_put_u32(header, NFTA_SET_FLAGS, htonl(flags));
    mnl_attr_put_u32(header, NFTA_SET_KEY_TYPE, htonl(key_type_number(set.key)));
    mnl_attr_put_u32(header, NFTA_SET_KEY_LEN, htonl(static_cast<std::uint32_t>(key_length(set.key))));
    if (set.verdict_map) mnl_attr_put_u32(header, NFTA_SET_DATA_TYPE, htonl(NFT_DATA_VERDICT));
    if (!set.data.empty()) {
      mnl_attr_put_u32(header, NFTA_SET_DATA_TYPE, htonl(key_type_number(set.data)));
      mnl_attr_put_u32(header, NFTA_SET_DATA_LEN, htonl(static_cast<std::uint32_t>(key_length(set.data))));
    }
    // The kernel asks for an id even where no rule of the batch refers to the set by it.
    mnl_attr_put_u32(header, NFTA_SET_ID, htonl(batch.next_sequence()));
    if (set.timeout_seconds > 0)
      mnl_attr_put_u64(header, NFTA_SET_TIMEOUT, htobe64(set.timeout_seconds * std::uint64_t{1000}));
    if (set.size > 0 || is_concatenated_interval(set)) {
      nlattr* description = mnl_attr_nest_start(header, NFTA_SET_DESC);
      if (set.size > 0) mnl_attr_put_u32(header, NFTA_SET_DESC_SIZE, htonl(set.size));
      if (is_concatenated_interval(set)) put_fields(header, set.key);
      mnl_attr_nest_end(header, description);
    }
    std::vector<std::uint8_t> userdata = typeof_userdata(set.key);
    // nft prints a lone interface name only when told its byte order: 1 is the host's (nftables: include/expression.h).
    if (set.key.size() == 1 && set.key[0].type == KeyType::IfName)
      userdata = number_userdata(NFTNL_UDATA_SET_KEYBYTEORDER, 1);
    const auto comment = comment_userdata(NFTNL_UDATA_SET_COMMENT, set.comment);
    userdata.insert(userdata.end(), comment.begin(), comment.end());
    if (!userdata.empty()) mnl_attr_put(header, NFTA_SET_USERDATA, userdata.size(), userdata.data());
    batch.close(header);
  }

  void operator()(const change::DeleteSet& c) const {
    nlmsghdr* header = batch.message(NFT_MSG_DELSET, family, 0);
    put_string(header, NFTA_SET_TABLE, batch.table_);
    put_string(header, NFTA_SET_NAME, c.set);
    batch.close(header);
  }

  void operator()(const change::AddElements& c) const {
    elements(NFT_MSG_NEWSETELEM, static_cast<std::uint16_t>(NLM_F_CREATE | (c.exclusive ? NLM_F_EXCL : 0)), c.set,
             c.elements, true);
  }
  void operator()(const change::DeleteElements& c) const { elements(NFT_MSG_DELSETELEM, 0, c.set, c.elements, false); }

 private:
  void simple(std::uint16_t type, std::uint16_t flags, std::uint16_t attribute) const {
    nlmsghdr* header = batch.message(type, family, flags);
    put_string(header, attribute, batch.table_);
    batch.close(header);
  }

  void elements(std::uint16_t type, std::uint16_t flags, const Set& set, const std::vector<Element>& all,
                bool with_data) const {
    for (std::size_t next = 0; next < all.size();) {
      nlmsghdr* header = batch.message(type, family, flags);
      put_string(header, NFTA_SET_ELEM_LIST_TABLE, batch.table_);
      put_string(header, NFTA_SET_ELEM_LIST_SET, set.name);
      nlattr* list = mnl_attr_nest_start(header, NFTA_SET_ELEM_LIST_ELEMENTS);
      while (next < all.size() && header->nlmsg_len < kElementBytes) put_element(header, set, all[next++], with_data);
      mnl_attr_nest_end(header, list);
      batch.close(header);
    }
  }
};

void Batch::begin(std::uint32_t first_sequence, std::optional<std::uint32_t> generation) {
  size_ = 0;
  first_ = first_sequence;
  next_ = first_sequence;
  last_ = first_sequence;
  acknowledge_all_ = false;
  changes_.clear();
  reserve(kMessageRoom);
  nlmsghdr* header = nftnl_batch_begin(reinterpret_cast<char*>(bytes_.data()), next_++);
  if (generation) mnl_attr_put_u32(header, NFNL_BATCH_GENID, htonl(*generation));
  size_ = NLMSG_ALIGN(header->nlmsg_len);
}

void Batch::add(const Change& change, std::size_t index) {
  index_ = index;
  std::visit(Encoder{*this, change.family}, change.what);
}

void Batch::add_table(const char* name, Family family) {
  nlmsghdr* header = message(NFT_MSG_NEWTABLE, family, NLM_F_CREATE);
  mnl_attr_put_strz(header, NFTA_TABLE_NAME, name);
  if (table_flags_ != 0) mnl_attr_put_u32(header, NFTA_TABLE_FLAGS, htonl(table_flags_));
  close(header);
}

void Batch::end(bool committing) {
  if (last_ != first_) {
    nlmsghdr header{};
    std::memcpy(&header, bytes_.data() + last_message_, sizeof header);
    header.nlmsg_flags |= NLM_F_ACK;
    std::memcpy(bytes_.data() + last_message_, &header, sizeof header);
  }
  if (!committing) return;
  reserve(kMessageRoom);
  const nlmsghdr* header = nftnl_batch_end(reinterpret_cast<char*>(bytes_.data() + size_), next_++);
  size_ += NLMSG_ALIGN(header->nlmsg_len);
}

std::optional<std::size_t> Batch::change_of(std::uint32_t sequence) const {
  const std::uint32_t at = sequence - first_ - 1;
  if (at >= changes_.size()) return std::nullopt;
  return changes_[at];
}

nlmsghdr* Batch::message(std::uint16_t type, Family family, std::uint16_t flags) {
  reserve(kMessageRoom);
  last_message_ = size_;
  last_ = next_;
  changes_.push_back(index_);
  if (acknowledge_all_) flags = static_cast<std::uint16_t>(flags | NLM_F_ACK);
  return nftnl_nlmsg_build_hdr(reinterpret_cast<char*>(bytes_.data() + size_), type, family_number(family), flags,
                               next_++);
}

void Batch::close(nlmsghdr* header) {
  assert(header->nlmsg_len < kMessageRoom);
  size_ += NLMSG_ALIGN(header->nlmsg_len);
}

void Batch::reserve(std::size_t room) {
  if (bytes_.size() < size_ + room) bytes_.resize((size_ + room) * 2);
}

}  // namespace nwf::netlink
