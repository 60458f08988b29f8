// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/transaction.h"

#include <fmt/format.h>
#include <libmnl/libmnl.h>

#include <cerrno>
#include <cstring>

#include "engine/ruleset/diff.h"

namespace nwf::netlink {
namespace {

constexpr int kAttempts = 3;

std::string refused_object(const Changes& changes, std::optional<std::size_t> index, std::string_view table) {
  if (!index || *index >= changes.size()) return "the transaction";
  return describe({changes[*index]}, table).front();
}

Error refusal(const Changes& changes, const Batch& batch, std::uint32_t sequence, int error) {
  const auto index = batch.change_of(sequence);
  const bool whole = sequence == batch.first_sequence();
  const std::string what = whole ? "the transaction" : refused_object(changes, index, batch.table());
  // The whole is refused for want of privilege; one message of it because the table has an owner.
  if (!whole && error == EPERM)
    return {ErrorKind::Denied,
            fmt::format("the kernel does not let this program {}: its tables nwf belong to a running nwfd", what),
            {},
            "ask nwfd, with nwfctl and the --root that it was started with",
            {}};
  if (error == EPERM || error == EACCES)
    return {ErrorKind::Denied,
            "not permitted to change this host's nf_tables rules",
            {},
            "run as root, or with CAP_NET_ADMIN",
            {}};
  if (whole && error == ERESTART)
    return {ErrorKind::Outdated, "somebody else changed the kernel's ruleset meanwhile", {}, {}, {}};
  if (whole && (error == EOPNOTSUPP || error == EPROTONOSUPPORT || error == ENOENT))
    return {ErrorKind::Unsupported, "this kernel has no nf_tables", {}, "load the module nf_tables", {}};
  const std::string why = std::strerror(error);
  if (error == EOPNOTSUPP || error == EPROTONOSUPPORT || error == EAFNOSUPPORT)
    return {ErrorKind::Unsupported, fmt::format("this kernel cannot {}: {}", what, why), {}, {}, {}};
  return {ErrorKind::Kernel, fmt::format("the kernel refused to {}: {}", what, why), {}, {}, {}};
}

}  // namespace

Result<std::map<std::uint32_t, int>> exchange(Channel& channel, const Batch& batch) {
  NWF_CHECK(channel.send(batch.bytes()));
  std::map<std::uint32_t, int> answers;
  while (true) {
    NWF_TRY(const auto reply, channel.receive());
    int left = static_cast<int>(reply.size());
    for (const auto* header = reinterpret_cast<const nlmsghdr*>(reply.data()); mnl_nlmsg_ok(header, left);
         header = mnl_nlmsg_next(header, &left)) {
      // Answers of an older, interrupted exchange are not ours.
      const std::uint32_t age = header->nlmsg_seq - batch.first_sequence();
      if (header->nlmsg_type != NLMSG_ERROR || age > batch.last_sequence() - batch.first_sequence()) continue;
      const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header));
      answers.emplace(header->nlmsg_seq, -error->error);
      if (header->nlmsg_seq == batch.last_sequence() || header->nlmsg_seq == batch.first_sequence()) return answers;
    }
  }
}

Result<void> run_transaction(Channel& channel, Batch& batch, std::uint32_t& sequence, const Changes& changes,
                             std::optional<std::uint32_t> generation) {
  for (int attempt = 0;; ++attempt) {
    batch.begin(sequence, generation);
    for (std::size_t i = 0; i < changes.size(); ++i) batch.add(changes[i], i);
    batch.end();
    sequence = batch.next_sequence();
    NWF_TRY(const auto answers, exchange(channel, batch));
    const auto bad =
        std::find_if(answers.begin(), answers.end(), [](const auto& answer) { return answer.second != 0; });
    if (bad == answers.end()) return {};
    // The kernel could not finish for reasons of its own; nothing was applied.
    if ((bad->second == EINTR || bad->second == EAGAIN || bad->second == ENOBUFS) && attempt + 1 < kAttempts) continue;
    return fail(refusal(changes, batch, bad->first, bad->second));
  }
}

}  // namespace nwf::netlink
