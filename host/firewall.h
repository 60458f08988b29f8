// SPDX-License-Identifier: GPL-2.0-or-later
// What ports should have, brought to the kernel: each change of bindings or filters is one transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/model/binding.h"
#include "host/knowledge.h"
#include "host/programs.h"

namespace nwf::host {

/// A port before and after a change: bound, unbound, or bound differently. Both are about the same port.
struct PortChange {
  std::optional<Binding> before;
  std::optional<Binding> after;
};

/// A binding that could not be realised: its port is closed.
struct ClosedPort {
  std::string port;
  Error why;
};

struct Wanted {
  Ruleset ruleset;
  std::map<std::string, KnownProgram> programs;
  std::vector<ClosedPort> closed;
  std::vector<Error> warnings;
};

/// The whole ruleset for these bindings. A binding that cannot be realised closes its port. Which programs are common
/// (engine/ruleset/dispatch.h) stays as `held` has it.
Result<Wanted> wanted_ruleset(const std::vector<Binding>& bindings, Programs& programs, const Ruleset& held);

class Firewall {
 public:
  /// `backend` outlives it. `knowledge` is about this place, or absent: then reconcile() comes first.
  Firewall(Backend& backend, std::optional<Knowledge> knowledge);

  /// False until reconcile() when nothing is known of the kernel.
  bool knows_kernel() const { return known_; }
  const Knowledge& knowledge() const { return knowledge_; }

  /// All the changes at one instant. `before` compiles the ports as they were, `after` as they become: the same
  /// object unless filters change too. Returns warnings of the programs that ports come to.
  /// Errors: Outdated when the kernel does not hold what is known of it: reconcile(), then again.
  Result<std::vector<Error>> transition(const std::vector<PortChange>& changes, Programs& before, Programs& after);

  /// Makes the kernel hold exactly what these bindings want. Returns how many changes it took, and what was closed.
  struct Reconciled {
    std::size_t changes = 0;
    std::vector<ClosedPort> closed;
  };
  Result<Reconciled> reconcile(const std::vector<Binding>& bindings, Programs& programs);

 private:
  struct Plan {
    Changes changes;
    std::map<std::string, KnownProgram> programs;
    std::vector<Error> warnings;
  };
  Result<Plan> plan(const std::vector<PortChange>& changes, Programs& before, Programs& after) const;
  /// Reads the kernel after somebody else wrote. True when the programs it should hold are there unchanged.
  Result<bool> still_holds();

  Backend& backend_;
  Knowledge knowledge_;
  bool known_;
};

}  // namespace nwf::host
