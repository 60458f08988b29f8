// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/probe.h"

#include <cerrno>
#include <fstream>

#include "netlink/nftables/constants.h"
#include "netlink/nftables/ownership.h"
#include "netlink/nftables/transaction.h"

namespace nwf::netlink {
namespace {

/// br_netfilter's switch in this network namespace; the file is there when the module is.
Probe bridge_calls(const char* file) {
  std::ifstream stream(file);
  char value = '0';
  if (!stream.is_open()) return Probe::No;
  stream >> value;
  return value == '1' ? Probe::Yes : Probe::No;
}

Change rule(std::vector<Expression> expressions) {
  return {Family::Bridge, change::AddRule{"nwf-probe", Rule{std::move(expressions), {}}}};
}

}  // namespace

Result<bool> probe_ownership(Channel& channel, std::uint32_t& sequence) {
  Batch batch;
  batch.begin(sequence, std::nullopt);
  batch.acknowledge_all();
  batch.table_flags(kOwnedForGood);
  // nwf's own, made before without the flags, would say no for a reason of its own.
  batch.add_table("nwf-probe", Family::Bridge);
  batch.end(false);
  sequence = batch.next_sequence();
  NWF_TRY(const auto answers, exchange(channel, batch));
  const auto answer = answers.find(batch.last_sequence());
  return answer != answers.end() && answer->second == 0;
}

Result<Capabilities> probe(Channel& channel, std::uint32_t& sequence) {
  Capabilities capabilities;
  Chain base;
  base.name = "nwf-probe";
  base.base = BaseHook{Hook::Prerouting, 0};
  const Changes questions{
      {Family::Bridge, change::AddTable{}},
      {Family::Bridge, change::AddChain{base}},
      rule({expr::CtLoad{CtKey::State, 0}}),
      rule({expr::Reject{}}),
      rule({expr::MetaLoad{MetaKey::InterfaceInKind, 0}}),
  };
  Probe* const answers_to[] = {nullptr, nullptr, &capabilities.bridge_conntrack, &capabilities.bridge_reject,
                               &capabilities.interface_kind};
  Batch batch;
  batch.begin(sequence, std::nullopt);
  batch.acknowledge_all();
  for (std::size_t i = 0; i < questions.size(); ++i) batch.add(questions[i], i);
  batch.end(false);
  sequence = batch.next_sequence();
  NWF_TRY(const auto answers, exchange(channel, batch));
  for (const auto& [number, error] : answers) {
    const auto index = batch.change_of(number);
    if (number == batch.first_sequence() || (index && *index < 2 && error != 0)) {
      if (error == EPERM || error == EACCES)
        return fail(ErrorKind::Denied, "not permitted to change this host's nf_tables rules",
                    "run as root, or with CAP_NET_ADMIN");
      return fail(ErrorKind::Unsupported, "this kernel has no nf_tables for bridges",
                  "load the modules nf_tables and nft_meta_bridge");
    }
    if (index && answers_to[*index] != nullptr) *answers_to[*index] = error == 0 ? Probe::Yes : Probe::No;
  }
  capabilities.bridge_netfilter4 = bridge_calls("/proc/sys/net/bridge/bridge-nf-call-iptables");
  capabilities.bridge_netfilter6 = bridge_calls("/proc/sys/net/bridge/bridge-nf-call-ip6tables");
  return capabilities;
}

}  // namespace nwf::netlink
