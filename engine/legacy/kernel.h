// SPDX-License-Identifier: GPL-2.0-or-later
// What realises legacy tables. Implemented by legacy/ for the kernel's own.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/legacy/tables.h"

namespace nwf::legacy {

/// Chains that nwf made, by table: what may be changed. A chain of the same name that is not among them is somebody
/// else's.
using Names = std::map<TableId, std::set<std::string>>;

/// Which tables there are.
struct Support {
  Probe ip4 = Probe::Unknown;       ///< iptables' filter
  Probe ip6 = Probe::Unknown;       ///< ip6tables' filter
  Probe ethernet = Probe::Unknown;  ///< ebtables' nat
  friend bool operator==(const Support&, const Support&) = default;
};

class Kernel {
 public:
  virtual ~Kernel() = default;

  virtual Result<Support> support() = 0;

  /// From what some ports or networks have to what they are to have, each table in one step, or nothing. Everything
  /// else stays as it is and where it is; chains that others share with them go when the last of them leaves. Says
  /// which chains are gone with it. Errors: Refused when a chain to come is there already and not among `ours`; Denied;
  /// Unsupported, naming the table.
  virtual Result<Names> apply(const Tables& before, const Tables& after, const Names& ours) = 0;

  /// Makes the tables hold exactly `wanted` of what is nwf's. How many changes that took; none when it was so. What is
  /// refused is so before anything is changed.
  virtual Result<std::size_t> make_exact(const Tables& wanted, const Names& ours) = 0;

  /// What make_exact() would change, in words.
  virtual Result<std::vector<std::string>> differences(const Tables& wanted, const Names& ours) = 0;
};

}  // namespace nwf::legacy
