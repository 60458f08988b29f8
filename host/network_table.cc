// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/network_table.h"

#include <fmt/format.h>

#include "engine/network/rules.h"
#include "engine/network/shape.h"
#include "engine/ruleset/diff.h"

namespace nwf::host {
namespace {

/// Somebody else may write between our reading and our transaction; this often it is tried again.
constexpr int kAttempts = 8;

ChainNames chains_of(const Ruleset& ruleset) {
  ChainNames names;
  for (const auto& [family, table] : ruleset.tables)
    for (const auto& [name, chain] : table.chains) names[family].insert(name);
  return names;
}

}  // namespace

Result<std::size_t> NetworkTable::bring_to(const std::vector<Network>& up) {
  const Ruleset wanted = network_rules(up);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    NWF_TRY(const Held held, backend_->read());
    const Changes changes = diff(held.ruleset, wanted);
    if (changes.empty()) return 0;
    const auto applied = backend_->apply(changes, held.generation);
    if (applied) return changes.size();
    if (applied.error().kind != ErrorKind::Outdated) return fail(applied.error());
  }
  return fail(ErrorKind::Kernel,
              fmt::format("somebody else changed the kernel's ruleset {} times meanwhile", kAttempts),
              "see with `nft monitor` who does, and try again");
}

Result<bool> NetworkTable::add(const Network& network, const std::vector<Network>& shaping) {
  const Ruleset before = network_rules(shaping);
  if (before.tables.empty()) return false;
  std::vector<Network> more = shaping;
  more.push_back(network);
  const Ruleset after = network_rules(more), shape = without_elements(before);
  const Changes changes = diff(before, after);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    NWF_TRY(const Held held, backend_->read(chains_of(shape)));
    if (!diff(held.ruleset, shape).empty()) return false;
    if (changes.empty()) return true;
    const auto applied = backend_->apply(changes, held.generation);
    if (applied) return true;
    // Anything else that the kernel does not like about them may come from elements we have not looked at.
    if (applied.error().kind != ErrorKind::Outdated) return false;
  }
  return false;
}

}  // namespace nwf::host
