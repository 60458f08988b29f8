// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/foreign_rule.h"

#include <libnftnl/common.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_physdev.h>

#include <cstring>
#include <span>

#include "netlink/nftables/encode_expression.h"
#include "netlink/nftables/userdata.h"

namespace nwf::netlink {
namespace {

/// A rule of a handful of expressions and a comment needs less.
constexpr std::size_t kRoom = 4096;

/// A device's name as xtables keeps it, when all of it is compared.
std::optional<std::string> whole_name(const char (&name)[IFNAMSIZ], const char (&mask)[IFNAMSIZ]) {
  const std::size_t length = strnlen(name, IFNAMSIZ);
  if (length == 0 || length == IFNAMSIZ) return std::nullopt;
  for (std::size_t i = 0; i <= length; ++i)
    if (mask[i] == 0) return std::nullopt;  // iptables masks the zero at its end, too, unless the name ends in '+'
  return std::string(name, length);
}

std::string physdev_words(const void* data, std::uint32_t length) {
  xt_physdev_info info{};
  if (data == nullptr || length < sizeof info) return "match physdev";
  std::memcpy(&info, data, sizeof info);
  constexpr unsigned kKnown = XT_PHYSDEV_OP_IN | XT_PHYSDEV_OP_OUT | XT_PHYSDEV_OP_BRIDGED;
  if (info.invert != 0 || (info.bitmask & ~kKnown) != 0) return "match physdev";
  std::string words;
  const auto add = [&](const std::string& word) { words += (words.empty() ? "" : " ") + word; };
  if ((info.bitmask & XT_PHYSDEV_OP_IN) != 0) {
    const auto name = whole_name(info.physindev, info.in_mask);
    if (!name) return "match physdev";
    add("physdev-in " + *name);
  }
  if ((info.bitmask & XT_PHYSDEV_OP_OUT) != 0) {
    const auto name = whole_name(info.physoutdev, info.out_mask);
    if (!name) return "match physdev";
    add("physdev-out " + *name);
  }
  if ((info.bitmask & XT_PHYSDEV_OP_BRIDGED) != 0) add("physdev-is-bridged");
  return words;
}

/// Puts a rule's shape together, expression by expression.
struct Reader {
  ForeignRule& rule;
  std::string loaded = {};  ///< `iifname` or `oifname`, until it is compared

  void add(const std::string& word) { rule.shape += (rule.shape.empty() ? "" : " ") + word; }

  void read(nftnl_expr* e) {
    const std::string name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
    if (name == "counter") return;
    const std::string before = std::move(loaded);
    loaded.clear();
    if (name == "cmp" && !before.empty()) return add(before + " " + compared(e));
    if (!before.empty()) add("meta " + before);
    if (name == "meta" && nftnl_expr_is_set(e, NFTNL_EXPR_META_DREG)) {
      const std::uint32_t key = nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY);
      if (key == NFT_META_IIFNAME) return void(loaded = "iifname");
      if (key == NFT_META_OIFNAME) return void(loaded = "oifname");
    }
    if (name == "lookup" || name == "dynset" || name == "objref") rule.uses_set = true;
    if (name == "immediate" && nftnl_expr_is_set(e, NFTNL_EXPR_IMM_VERDICT)) return add(verdict(e));
    if (name == "match") {
      const std::string match = nftnl_expr_get_str(e, NFTNL_EXPR_MT_NAME);
      std::uint32_t length = 0;
      const void* info = nftnl_expr_get(e, NFTNL_EXPR_MT_INFO, &length);
      return add(match == "physdev" ? physdev_words(info, length) : "match " + match);
    }
    if (name == "target") return add(std::string("target ") + nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME));
    add(name);
  }

 private:
  static std::string compared(nftnl_expr* e) {
    std::uint32_t length = 0;
    const auto* data = static_cast<const char*>(nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, &length));
    const std::size_t end = data == nullptr ? 0 : strnlen(data, length);
    if (end == 0 || nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP) != NFT_CMP_EQ) return "cmp";
    // Without the zero at its end it is the beginning of a name.
    return std::string(data, end) + (end == length ? "*" : "");
  }
  std::string verdict(nftnl_expr* e) {
    if (nftnl_expr_is_set(e, NFTNL_EXPR_IMM_CHAIN)) rule.target = nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN);
    switch (static_cast<int>(nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT))) {
      case NF_ACCEPT:
        return "accept";
      case NF_DROP:
        return "drop";
      case NFT_JUMP:
        return "jump " + rule.target;
      case NFT_GOTO:
        return "goto " + rule.target;
      case NFT_RETURN:
        return "return";
      default:
        return "verdict";
    }
  }
};

/// The same words for what is built and for what the kernel tells, so that the two can be compared.
void read_words(nftnl_rule* rule, ForeignRule& read) {
  Reader reader{read};
  nftnl_expr_foreach(
      rule,
      [](nftnl_expr* e, void* into) {
        static_cast<Reader*>(into)->read(e);
        return 0;
      },
      &reader);
  if (!reader.loaded.empty()) reader.add("meta " + reader.loaded);
}

}  // namespace

Bytes attributes_of(const nlmsghdr* header) {
  const auto* begin = static_cast<const std::uint8_t*>(mnl_nlmsg_get_payload_offset(header, sizeof(nfgenmsg)));
  return {begin, begin + mnl_nlmsg_get_payload_len(header) - MNL_ALIGN(sizeof(nfgenmsg))};
}

ForeignRule read_foreign_rule(const nlmsghdr* header, nftnl_rule* rule) {
  ForeignRule read;
  read.handle = nftnl_rule_get_u64(rule, NFTNL_RULE_HANDLE);
  read.message = attributes_of(header);
  std::uint32_t length = 0;
  const auto* data = static_cast<const std::uint8_t*>(nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &length));
  if (data != nullptr) read.comment = comment_in({data, length}, NFTNL_UDATA_RULE_COMMENT);
  read_words(rule, read);
  return read;
}

ForeignRule make_foreign_rule(std::uint8_t family, const std::string& table, const std::string& chain,
                              const Rule& rule) {
  const NftRule built(nftnl_rule_alloc());
  nftnl_rule_set_str(built.get(), NFTNL_RULE_TABLE, table.c_str());
  nftnl_rule_set_str(built.get(), NFTNL_RULE_CHAIN, chain.c_str());
  for (const Expression& expression : rule.expressions)
    nftnl_rule_add_expr(built.get(), encode(expression, Family::Inet).release());
  const auto comment = comment_userdata(NFTNL_UDATA_RULE_COMMENT, rule.comment);
  nftnl_rule_set_data(built.get(), NFTNL_RULE_USERDATA, comment.data(), static_cast<std::uint32_t>(comment.size()));
  std::vector<char> bytes(kRoom);
  nlmsghdr* header = nftnl_nlmsg_build_hdr(bytes.data(), NFT_MSG_NEWRULE, family, 0, 0);
  nftnl_rule_nlmsg_build_payload(header, built.get());
  ForeignRule made;
  made.message = attributes_of(header);
  made.comment = rule.comment;
  read_words(built.get(), made);
  return made;
}

}  // namespace nwf::netlink
