// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/demo/trace.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libnftnl/batch.h>
#include <libnftnl/common.h>
#include <libnftnl/trace.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>

#include <array>
#include <cstring>
#include <map>

#include "engine/ruleset/ruleset.h"
#include "netlink/handles.h"
#include "netlink/nftables/constants.h"
#include "netlink/nftables/userdata.h"

namespace nwf::demo {
namespace {

using netlink::FreeWith;
using NftTrace = std::unique_ptr<nftnl_trace, FreeWith<&nftnl_trace_free>>;
using RuleNames = std::map<std::pair<std::string, std::uint64_t>, std::string>;

constexpr const char* kTable = "nwf-demo";

Result<netlink::MnlSocket> open_socket(unsigned groups) {
  netlink::MnlSocket socket(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  if (socket == nullptr || mnl_socket_bind(socket.get(), groups, MNL_SOCKET_AUTOPID) < 0)
    return fail(ErrorKind::Kernel, fmt::format("cannot open a netfilter socket: {}", std::strerror(errno)));
  return socket;
}

/// table bridge nwf-demo { chain trace { type filter hook prerouting priority -400; meta nftrace set 1 } }
Result<void> install() {
  NWF_TRY(const auto socket, open_socket(0));
  std::array<char, 16384> buffer{};
  mnl_nlmsg_batch* batch = mnl_nlmsg_batch_start(buffer.data(), buffer.size());
  const auto at = [&] { return static_cast<char*>(mnl_nlmsg_batch_current(batch)); };
  nftnl_batch_begin(at(), 1);
  mnl_nlmsg_batch_next(batch);
  nlmsghdr* header = nftnl_nlmsg_build_hdr(at(), NFT_MSG_NEWTABLE, NFPROTO_BRIDGE, NLM_F_CREATE, 2);
  mnl_attr_put_strz(header, NFTA_TABLE_NAME, kTable);
  mnl_nlmsg_batch_next(batch);
  netlink::NftChain chain(nftnl_chain_alloc());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, kTable);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, "trace");
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, "filter");
  nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, 0);
  nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, -400);
  header = nftnl_nlmsg_build_hdr(at(), NFT_MSG_NEWCHAIN, NFPROTO_BRIDGE, NLM_F_CREATE, 3);
  nftnl_chain_nlmsg_build_payload(header, chain.get());
  mnl_nlmsg_batch_next(batch);
  netlink::NftRule rule(nftnl_rule_alloc());
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, kTable);
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, "trace");
  netlink::NftExpr one(nftnl_expr_alloc("immediate"));
  const std::uint8_t yes = 1;
  nftnl_expr_set_u32(one.get(), NFTNL_EXPR_IMM_DREG, NFT_REG_1);
  nftnl_expr_set(one.get(), NFTNL_EXPR_IMM_DATA, &yes, sizeof yes);
  nftnl_rule_add_expr(rule.get(), one.release());
  netlink::NftExpr set(nftnl_expr_alloc("meta"));
  nftnl_expr_set_u32(set.get(), NFTNL_EXPR_META_KEY, NFT_META_NFTRACE);
  nftnl_expr_set_u32(set.get(), NFTNL_EXPR_META_SREG, NFT_REG_1);
  nftnl_rule_add_expr(rule.get(), set.release());
  header = nftnl_nlmsg_build_hdr(at(), NFT_MSG_NEWRULE, NFPROTO_BRIDGE, NLM_F_CREATE | NLM_F_ACK, 4);
  nftnl_rule_nlmsg_build_payload(header, rule.get());
  mnl_nlmsg_batch_next(batch);
  nftnl_batch_end(at(), 5);
  mnl_nlmsg_batch_next(batch);
  mnl_socket_sendto(socket.get(), mnl_nlmsg_batch_head(batch), mnl_nlmsg_batch_size(batch));
  mnl_nlmsg_batch_stop(batch);
  std::array<char, 8192> answer{};
  const ssize_t got = mnl_socket_recvfrom(socket.get(), answer.data(), answer.size());
  const auto* reply = reinterpret_cast<const nlmsghdr*>(answer.data());
  if (got < static_cast<ssize_t>(NLMSG_HDRLEN) || reply->nlmsg_type != NLMSG_ERROR ||
      static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(reply))->error != 0)
    return fail(ErrorKind::Kernel, "the kernel refused to trace packets");
  return {};
}

void read_rule(const nlmsghdr* header, RuleNames& names) {
  const netlink::NftRule rule(nftnl_rule_alloc());
  if (nftnl_rule_nlmsg_parse(header, rule.get()) != 0) return;
  std::uint32_t length = 0;
  const auto* data = static_cast<const std::uint8_t*>(nftnl_rule_get_data(rule.get(), NFTNL_RULE_USERDATA, &length));
  std::string comment = data == nullptr ? "" : netlink::comment_in({data, length}, NFTNL_UDATA_RULE_COMMENT);
  comment = comment.substr(0, comment.find(';'));
  names[{nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN), nftnl_rule_get_u64(rule.get(), NFTNL_RULE_HANDLE)}] =
      comment;
}

/// Comments of nwf's rules by chain and handle, as the kernel has them now.
RuleNames rule_names() {
  RuleNames names;
  const auto socket = open_socket(0);
  if (!socket) return names;
  std::array<char, 1024> buffer{};
  nlmsghdr* request = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETRULE, NFPROTO_BRIDGE, NLM_F_DUMP, 1);
  mnl_attr_put_strz(request, NFTA_RULE_TABLE, kTableName.data());
  mnl_socket_sendto(socket->get(), request, request->nlmsg_len);
  std::array<char, 65536> answer{};
  while (true) {
    int left = static_cast<int>(mnl_socket_recvfrom(socket->get(), answer.data(), answer.size()));
    if (left <= 0) return names;
    for (const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data()); mnl_nlmsg_ok(header, left);
         header = mnl_nlmsg_next(header, &left)) {
      if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) return names;
      read_rule(header, names);
    }
  }
}

class KernelTrace final : public Trace {
 public:
  explicit KernelTrace(netlink::MnlSocket socket) : socket_(std::move(socket)) {}

  void drain() override { (void)read(0); }

  std::vector<Decision> decisions() override {
    names_ = rule_names();
    return read(50);
  }

 private:
  std::vector<Decision> read(int patience_ms) {
    std::vector<Decision> found;
    std::array<char, 65536> buffer{};
    pollfd waiting{mnl_socket_get_fd(socket_.get()), POLLIN, 0};
    while (poll(&waiting, 1, patience_ms) > 0) {
      int left = static_cast<int>(mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size()));
      for (const auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data());
           left > 0 && mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left))
        add(header, found);
    }
    return found;
  }

  void add(const nlmsghdr* header, std::vector<Decision>& found) const {
    const NftTrace trace(nftnl_trace_alloc());
    if (nftnl_trace_nlmsg_parse(header, trace.get()) != 0) return;
    const char* table = nftnl_trace_get_str(trace.get(), NFTNL_TRACE_TABLE);
    if (table == nullptr || kTableName != table || !nftnl_trace_is_set(trace.get(), NFTNL_TRACE_CHAIN)) return;
    const std::string chain = nftnl_trace_get_str(trace.get(), NFTNL_TRACE_CHAIN);
    const std::uint32_t type = nftnl_trace_get_u32(trace.get(), NFTNL_TRACE_TYPE);
    if (type == NFT_TRACETYPE_POLICY) {
      found.push_back({false, chain, "no rule: let through"});
      return;
    }
    if (type != NFT_TRACETYPE_RULE || !nftnl_trace_is_set(trace.get(), NFTNL_TRACE_VERDICT)) return;
    const std::uint32_t verdict = nftnl_trace_get_u32(trace.get(), NFTNL_TRACE_VERDICT);
    if (verdict != NF_ACCEPT && verdict != NF_DROP) return;
    const auto name = names_.find({chain, nftnl_trace_get_u64(trace.get(), NFTNL_TRACE_RULE_HANDLE)});
    found.push_back({verdict == NF_DROP, chain, name == names_.end() ? "a rule without a name" : name->second});
  }

  netlink::MnlSocket socket_;
  RuleNames names_;
};

}  // namespace

Result<std::unique_ptr<Trace>> start_trace() {
  NWF_CHECK(install());
  NWF_TRY(auto socket, open_socket(1U << (NFNLGRP_NFTRACE - 1)));
  return std::unique_ptr<Trace>(std::make_unique<KernelTrace>(std::move(socket)));
}

}  // namespace nwf::demo
