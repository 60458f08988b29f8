// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/ownership.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "engine/ruleset/diff.h"
#include "netlink/nftables/constants.h"
#include "netlink/nftables/read.h"
#include "netlink/nftables/transaction.h"

namespace nwf::netlink {
namespace {

/// Somebody else may write between our reading and our transaction; this often it is tried again.
constexpr int kAttempts = 8;

Result<void> take_once(Channel& channel, Batch& batch, std::uint32_t& sequence) {
  NWF_TRY(const std::uint32_t generation, read_generation(channel, sequence));
  NWF_TRY(const auto tables, read_tables(channel, sequence));
  Changes changes;
  std::vector<Family> anew;
  for (const TableState& table : tables) {
    if (table.owner == channel.port_id()) continue;
    if (table.owner != 0)
      return fail(ErrorKind::Denied,
                  fmt::format("the kernel's tables nwf belong to another program (port {})", table.owner),
                  "end that nwfd first");
    if ((table.flags & kTablePersists) != 0)
      changes.push_back({table.family, change::AddTable{}});
    else
      anew.push_back(table.family);
  }
  if (!anew.empty()) {
    NWF_TRY(const Held held, read_ruleset(channel, sequence, std::string(kTableName), nullptr));
    if (held.generation != generation) return fail(ErrorKind::Outdated, "the kernel's ruleset changed meanwhile");
    Ruleset again;
    for (const Family family : anew) {
      if (!held.ruleset.tables.contains(family)) continue;
      changes.push_back({family, change::DeleteTable{}});
      again.tables.emplace(family, held.ruleset.tables.at(family));
    }
    for (Change& change : diff({}, again)) changes.push_back(std::move(change));
  }
  if (changes.empty()) return {};
  return run_transaction(channel, batch, sequence, changes, generation);
}

}  // namespace

Result<void> take_tables(Channel& channel, Batch& batch, std::uint32_t& sequence) {
  for (int attempt = 0;; ++attempt) {
    auto taken = take_once(channel, batch, sequence);
    if (taken || taken.error().kind != ErrorKind::Outdated || attempt + 1 >= kAttempts) return taken;
  }
}

}  // namespace nwf::netlink
