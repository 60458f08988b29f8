// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/foreign_batch.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "netlink/handles.h"

namespace nwf::netlink {
namespace {

constexpr std::size_t kRoom = 4096;

/// Attributes of a kernel's message, but for these.
void copy_attributes(nlmsghdr* header, const Bytes& attributes, std::initializer_list<std::uint16_t> without) {
  const auto* attribute = reinterpret_cast<const nlattr*>(attributes.data());
  int left = static_cast<int>(attributes.size());
  for (; mnl_attr_ok(attribute, left); left -= MNL_ALIGN(attribute->nla_len), attribute = mnl_attr_next(attribute)) {
    if (std::find(without.begin(), without.end(), mnl_attr_get_type(attribute)) != without.end()) continue;
    const std::size_t length = MNL_ALIGN(attribute->nla_len);
    auto* at = static_cast<std::uint8_t*>(mnl_nlmsg_get_payload_tail(header));
    std::memset(at, 0, length);
    std::memcpy(at, attribute, attribute->nla_len);
    header->nlmsg_len += static_cast<std::uint32_t>(length);
  }
}

/// What xtables' matches want to know of the rule around them, and the kernel does not tell back: the protocol that the
/// rule tests (linux/net/netfilter/nft_compat.c: nft_parse_compat). It follows from the rule's own comparison.
struct Compat {
  std::uint32_t protocol = 0;
  bool inverted = false;
  bool wanted = false;  ///< there is such a match
};

Compat compat_of(std::uint8_t family, const ForeignRule& rule) {
  std::vector<std::uint8_t> bytes(rule.message.size() + kRoom);
  nlmsghdr* header = nftnl_nlmsg_build_hdr(reinterpret_cast<char*>(bytes.data()), NFT_MSG_NEWRULE, family, 0, 0);
  copy_attributes(header, rule.message, {});
  const NftRule parsed(nftnl_rule_alloc());
  Compat compat;
  if (nftnl_rule_nlmsg_parse(header, parsed.get()) != 0) return compat;
  struct Walk {
    std::uint8_t family;
    Compat& compat;
    bool protocol_loaded = false;
  } state{family, compat};
  nftnl_expr_foreach(
      parsed.get(),
      [](nftnl_expr* e, void* into) {
        auto& walk = *static_cast<Walk*>(into);
        const std::string_view name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
        if (name == "match" || name == "target") walk.compat.wanted = true;
        if (name == "cmp" && walk.protocol_loaded) {
          std::uint32_t length = 0;
          const void* data = nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, &length);
          std::uint16_t two = 0;
          if (data != nullptr && length == 1) two = *static_cast<const std::uint8_t*>(data);
          if (data != nullptr && length == 2) std::memcpy(&two, data, 2);  // as it lies there: __be16
          walk.compat.protocol = two;
          walk.compat.inverted = nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP) == NFT_CMP_NEQ;
        }
        walk.protocol_loaded = false;
        if (name == "meta") {
          const std::uint32_t key = nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY);
          walk.protocol_loaded = key == (walk.family == NFPROTO_BRIDGE ? NFT_META_PROTOCOL : NFT_META_L4PROTO);
        } else if (name == "payload") {
          const std::uint32_t base = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_BASE);
          const std::uint32_t offset = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET);
          // The frame's type; in IPv4 the protocol, RFC 791 §3.1.
          walk.protocol_loaded = walk.family == NFPROTO_BRIDGE
                                     ? base == NFT_PAYLOAD_LL_HEADER && offset == 12
                                     : walk.family == NFPROTO_IPV4 && base == NFT_PAYLOAD_NETWORK_HEADER && offset == 9;
        }
        return 0;
      },
      &state);
  return compat;
}

std::string table_of(const Bytes& attributes) {
  const auto* attribute = reinterpret_cast<const nlattr*>(attributes.data());
  int left = static_cast<int>(attributes.size());
  for (; mnl_attr_ok(attribute, left); left -= MNL_ALIGN(attribute->nla_len), attribute = mnl_attr_next(attribute))
    if (mnl_attr_get_type(attribute) == NFTA_RULE_TABLE) return mnl_attr_get_str(attribute);
  return {};
}

}  // namespace

ForeignBatch::ForeignBatch(std::uint32_t sequence, std::optional<std::uint32_t> generation)
    : first_(sequence), next_(sequence) {
  reserve(kRoom);
  nlmsghdr* header = nftnl_batch_begin(reinterpret_cast<char*>(bytes_.data()), next_++);
  if (generation) mnl_attr_put_u32(header, NFNL_BATCH_GENID, htonl(*generation));
  close(header);
}

void ForeignBatch::add_table(std::uint8_t family, const std::string& table) {
  nlmsghdr* header = message(NFT_MSG_NEWTABLE, family, NLM_F_CREATE, "make table " + table);
  mnl_attr_put_strz(header, NFTA_TABLE_NAME, table.c_str());
  close(header);
}

void ForeignBatch::add_chain(std::uint8_t family, const ForeignChain& chain) {
  reserve(chain.message.size() + kRoom);
  nlmsghdr* header = message(NFT_MSG_NEWCHAIN, family, NLM_F_CREATE, "make chain " + chain.name);
  copy_attributes(header, chain.message, {NFTA_CHAIN_HANDLE, NFTA_CHAIN_USE, NFTA_CHAIN_PAD, NFTA_CHAIN_COUNTERS});
  close(header);
}

void ForeignBatch::add_regular_chain(std::uint8_t family, const std::string& table, const std::string& chain) {
  nlmsghdr* header = message(NFT_MSG_NEWCHAIN, family, NLM_F_CREATE, "make chain " + chain);
  mnl_attr_put_strz(header, NFTA_CHAIN_TABLE, table.c_str());
  mnl_attr_put_strz(header, NFTA_CHAIN_NAME, chain.c_str());
  close(header);
}

void ForeignBatch::delete_chain(std::uint8_t family, const std::string& table, const std::string& chain) {
  nlmsghdr* header = message(NFT_MSG_DELCHAIN, family, 0, "delete chain " + chain);
  mnl_attr_put_strz(header, NFTA_CHAIN_TABLE, table.c_str());
  mnl_attr_put_strz(header, NFTA_CHAIN_NAME, chain.c_str());
  close(header);
}

void ForeignBatch::delete_rules(std::uint8_t family, const std::string& table, const std::string& chain,
                                std::optional<std::uint64_t> handle) {
  nlmsghdr* header = message(NFT_MSG_DELRULE, family, 0, "delete a rule of chain " + chain);
  mnl_attr_put_strz(header, NFTA_RULE_TABLE, table.c_str());
  mnl_attr_put_strz(header, NFTA_RULE_CHAIN, chain.c_str());
  if (handle) mnl_attr_put_u64(header, NFTA_RULE_HANDLE, htobe64(*handle));
  close(header);
}

void ForeignBatch::add_rule(std::uint8_t family, const std::string& chain, const ForeignRule& rule,
                            std::optional<std::uint64_t> before) {
  reserve(rule.message.size() + kRoom);
  nlmsghdr* header =
      message(NFT_MSG_NEWRULE, family, static_cast<std::uint16_t>(NLM_F_CREATE | (before ? 0 : NLM_F_APPEND)),
              fmt::format("add to chain {} of table {}: {}", chain, table_of(rule.message), rule.shape));
  copy_attributes(header, rule.message, {NFTA_RULE_HANDLE, NFTA_RULE_POSITION, NFTA_RULE_COMPAT, NFTA_RULE_PAD});
  if (before) mnl_attr_put_u64(header, NFTA_RULE_POSITION, htobe64(*before));
  if (const Compat compat = compat_of(family, rule); compat.wanted) {
    nlattr* nest = mnl_attr_nest_start(header, NFTA_RULE_COMPAT);
    mnl_attr_put_u32(header, NFTA_RULE_COMPAT_PROTO, htonl(compat.protocol));
    mnl_attr_put_u32(header, NFTA_RULE_COMPAT_FLAGS, htonl(compat.inverted ? NFT_RULE_COMPAT_F_INV : 0));
    mnl_attr_nest_end(header, nest);
  }
  close(header);
}

nlmsghdr* ForeignBatch::message(std::uint16_t type, std::uint8_t family, std::uint16_t flags, std::string about) {
  reserve(kRoom);
  last_message_ = size_;
  about_.push_back(std::move(about));
  return nftnl_nlmsg_build_hdr(reinterpret_cast<char*>(bytes_.data() + size_), type, family, flags, next_++);
}

void ForeignBatch::reserve(std::size_t room) {
  if (bytes_.size() < size_ + room) bytes_.resize((size_ + room) * 2);
}

Result<void> ForeignBatch::run(Channel& channel, bool committing) {
  if (empty()) return {};
  const std::uint32_t last = next_ - 1;
  nlmsghdr acknowledged{};
  std::memcpy(&acknowledged, bytes_.data() + last_message_, sizeof acknowledged);
  acknowledged.nlmsg_flags |= NLM_F_ACK;
  std::memcpy(bytes_.data() + last_message_, &acknowledged, sizeof acknowledged);
  if (committing) {
    reserve(kRoom);
    close(nftnl_batch_end(reinterpret_cast<char*>(bytes_.data() + size_), next_++));
  }
  NWF_CHECK(channel.send({bytes_.data(), size_}));
  std::optional<std::pair<std::uint32_t, int>> refused;
  for (bool more = true; more;) {
    NWF_TRY(const auto reply, channel.receive());
    int left = static_cast<int>(reply.size());
    for (const auto* header = reinterpret_cast<const nlmsghdr*>(reply.data()); mnl_nlmsg_ok(header, left);
         header = mnl_nlmsg_next(header, &left)) {
      if (header->nlmsg_type != NLMSG_ERROR || header->nlmsg_seq - first_ > last - first_) continue;
      const int error = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header))->error;
      if (error != 0 && !refused) refused = {header->nlmsg_seq, error};
      if (header->nlmsg_seq == last || header->nlmsg_seq == first_) more = false;
    }
  }
  if (!refused) return {};
  const auto& [sequence, error] = *refused;
  if (sequence == first_ && error == ERESTART)
    return fail(ErrorKind::Outdated, "somebody else changed the kernel's ruleset meanwhile", "try again");
  if (error == EPERM || error == EACCES)
    return fail(ErrorKind::Denied, "not permitted to change this host's nf_tables rules",
                "run as root, or with CAP_NET_ADMIN");
  const std::size_t at = sequence - first_ - 1;
  return fail(ErrorKind::Kernel,
              fmt::format("the kernel refused to {}: {}",
                          sequence == first_ || at >= about_.size() ? "take the transaction" : about_[at],
                          std::strerror(error)));
}

}  // namespace nwf::netlink
