// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/read_drops.h"

#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>

#include <cstring>

#include "netlink/handles.h"
#include "netlink/nftables/constants.h"
#include "netlink/nftables/request.h"

namespace nwf::netlink {
namespace {

constexpr int kAttempts = 8;

std::optional<CountedDrops> decode(nftnl_set_elem* element) {
  std::uint32_t length = 0;
  const auto* key = static_cast<const char*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &length));
  const auto* counter = static_cast<const nftnl_expr*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_EXPR, nullptr));
  if (key == nullptr || length != PortName::kSize + 4 || counter == nullptr) return std::nullopt;
  CountedDrops drops;
  drops.port = std::string(key, strnlen(key, PortName::kSize));
  std::memcpy(&drops.number, key + PortName::kSize, 4);
  drops.packets = nftnl_expr_get_u64(counter, NFTNL_EXPR_CTR_PACKETS);
  drops.bytes = nftnl_expr_get_u64(counter, NFTNL_EXPR_CTR_BYTES);
  return drops;
}

void read_elements(const nlmsghdr* header, std::vector<CountedDrops>& out) {
  const NftSet set(nftnl_set_alloc());
  if (nftnl_set_elems_nlmsg_parse(header, set.get()) < 0) return;
  nftnl_set_elem_foreach(
      set.get(),
      [](nftnl_set_elem* element, void* into) {
        if (auto drops = decode(element)) static_cast<std::vector<CountedDrops>*>(into)->push_back(std::move(*drops));
        return 0;
      },
      &out);
}

/// Asked for the elements of a set that is not there, the kernel says the same as when one goes meanwhile.
Result<bool> has_set(Channel& channel, std::uint32_t& sequence, const std::string& table) {
  bool found = false;
  Request sets(NFT_MSG_GETSET, family_number(Family::Bridge), NLM_F_DUMP, sequence++);
  NWF_CHECK(ask(channel, sets, [&](const nlmsghdr* header) {
    const NftSet set(nftnl_set_alloc());
    if (nftnl_set_nlmsg_parse(header, set.get()) < 0) return;
    const auto is = [&](std::uint16_t attribute, std::string_view name) {
      const char* text = nftnl_set_get_str(set.get(), attribute);
      return text != nullptr && name == text;
    };
    found = found || (is(NFTNL_SET_TABLE, table) && is(NFTNL_SET_NAME, kDropsSet));
  }));
  return found;
}

Result<void> read_once(Channel& channel, std::uint32_t& sequence, const std::string& table,
                       std::vector<CountedDrops>& out) {
  NWF_TRY(const bool there, has_set(channel, sequence, table));
  if (!there) return {};
  Request request(NFT_MSG_GETSETELEM, family_number(Family::Bridge), NLM_F_DUMP, sequence++);
  mnl_attr_put_strz(request.header(), NFTA_SET_ELEM_LIST_TABLE, table.c_str());
  mnl_attr_put_strz(request.header(), NFTA_SET_ELEM_LIST_SET, std::string(kDropsSet).c_str());
  return ask(channel, request, [&](const nlmsghdr* header) { read_elements(header, out); });
}

}  // namespace

Result<std::vector<CountedDrops>> read_drops(Channel& channel, std::uint32_t& sequence, const std::string& table) {
  for (int attempt = 0;; ++attempt) {
    std::vector<CountedDrops> drops;
    const auto read = read_once(channel, sequence, table, drops);
    if (read) return drops;
    if (read.error().kind != ErrorKind::Outdated || attempt + 1 >= kAttempts) return fail(read.error());
  }
}

}  // namespace nwf::netlink
