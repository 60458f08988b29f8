// SPDX-License-Identifier: GPL-2.0-or-later
// What realises a ruleset. Implemented by netlink/ for nf_tables.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/ruleset/change.h"
#include "engine/ruleset/drops.h"
#include "engine/ruleset/ruleset.h"

namespace nwf {

/// The answer of a probe. Unknown: could not be tried (no permission, say); treated as No.
enum class Probe : std::uint8_t { No, Yes, Unknown };

/// What this kernel, as set up in this network namespace, can do. Probed by trying, never by version.
struct Capabilities {
  Probe bridge_conntrack = Probe::Unknown;   ///< `ct` in the bridge family (nf_conntrack_bridge)
  Probe bridge_reject = Probe::Unknown;      ///< `reject` in bridge prerouting
  Probe bridge_netfilter4 = Probe::Unknown;  ///< br_netfilter hands bridged IPv4 to the inet hooks here
  Probe bridge_netfilter6 = Probe::Unknown;  ///< the same for IPv6
  Probe interface_kind = Probe::Unknown;     ///< `meta iifkind`
  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

/// A ruleset as read, and the kernel's generation it was read at.
struct Held {
  Ruleset ruleset;
  std::uint32_t generation = 0;
};

/// Chains of nwf's tables, by name.
using ChainNames = std::map<Family, std::set<std::string>>;

class Backend {
 public:
  virtual ~Backend() = default;

  virtual Result<Capabilities> capabilities() = 0;
  /// nwf's tables, whole.
  virtual Result<Held> read() = 0;
  /// Only these chains with their rules, and the definitions of the sets: no elements, so that the cost does not grow
  /// with the ports. A chain or a table that is not there is left out.
  virtual Result<Held> read(const ChainNames& chains) = 0;
  /// What rules dropped, by port and rule, in no order (engine/ruleset/drops.h).
  virtual Result<std::vector<CountedDrops>> drops() { return std::vector<CountedDrops>{}; }
  /// The generation the kernel's ruleset is at; any change by anybody gives a new one.
  virtual Result<std::uint32_t> generation() = 0;
  /// Applies all of `changes` at one instant, or nothing. With `generation` the kernel refuses
  /// (ErrorKind::Outdated) when anybody changed anything since. Returns the generation after it.
  virtual Result<std::uint32_t> apply(const Changes& changes, std::optional<std::uint32_t> generation) = 0;

  /// Returns when no packet is in the ruleset any more that came before the call: what an earlier transaction took
  /// away, nobody is on the way to. Takes as long as the kernel likes, some 10 to 30 ms as a rule.
  virtual void let_packets_leave() {}

  /// Takes nwf's tables, those there and those to come, into this backend's possession: until it ends the kernel
  /// refuses everybody else's changes to them, and afterwards they stay. What is there stays in force meanwhile.
  /// False where the kernel has no such thing. Errors: Denied when they are another process's.
  virtual Result<bool> own() { return false; }
};

}  // namespace nwf
