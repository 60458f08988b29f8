// SPDX-License-Identifier: GPL-2.0-or-later
// What ports should have, brought to the kernel: each change of bindings or filters is in force by one transaction.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
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

/// Programs that become others while the ports that run them stay as they are: by the name both have.
using ProgramEdits = std::map<std::string, CompiledPtr>;

/// What an edit of filters does to the programs that have them in their trees.
struct Edit {
  ProgramEdits programs;
  /// Programs that some of their ports may leave, or whose ports need other elements: each port has to be looked at.
  std::set<std::string> reshaped;
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

/// A transaction that has not been sent, and what it makes of what is known of the kernel.
struct Plan {
  Changes changes;
  /// What marks packets for rules to come, where none did before, and what takes that back: only packets that come
  /// after it have their mark.
  Changes ground, unground;
  /// For ports that go from one program to another (engine/ruleset/make_before_break.h): transactions before and after
  /// it that change nothing for any packet, and what takes the first one back.
  Changes make, unmake, sweep;
  /// Packets that came before have to leave first (Backend::let_packets_leave): before `changes`, before `sweep`.
  bool changes_wait = false, sweep_waits = false;
  std::map<std::string, KnownProgram> programs;  ///< those that come or become others
  std::map<std::string, std::ptrdiff_t> ports;   ///< by program: how many more ports run it
  std::set<std::string> gone;                    ///< programs that no port runs any more
  std::set<std::string> closed;
  std::set<std::string> concerned;  ///< programs of before that it builds upon
  std::vector<Error> warnings;
};

class Firewall {
 public:
  /// `backend` outlives it. `knowledge` is about this place, or absent: then reconcile() comes first.
  Firewall(Backend& backend, std::optional<Knowledge> knowledge);

  /// False until reconcile() when nothing is known of the kernel, and again when a change shows that the kernel does
  /// not hold what is known of it.
  bool knows_kernel() const { return known_; }
  const Knowledge& knowledge() const { return knowledge_; }

  /// What the programs become when these filters change, `after` having the new ones. Costs what the programs cost,
  /// whatever the number of ports. The kernel is known.
  Edit edit(const std::set<std::string>& filters, Programs& after) const;

  /// The transaction that makes all the changes at one instant. `before` compiles the ports as they were, `after` as
  /// they become: the same object unless filters change too. A port that is closed (knowledge().closed) has nothing
  /// else to lose; one that cannot be realised after all stays closed. The kernel is known.
  /// Errors: those of the programs that ports come to.
  Result<Plan> plan(const std::vector<PortChange>& ports, const ProgramEdits& edits, Programs& before,
                    Programs& after) const;

  /// plan(), sent. Returns warnings of the programs that ports come to.
  /// Errors: those of plan(), and the kernel's. When knows_kernel() is false afterwards the kernel did not hold what
  /// was known of it: reconcile(), then again.
  Result<std::vector<Error>> transition(const std::vector<PortChange>& ports, const ProgramEdits& edits,
                                        Programs& before, Programs& after);

  /// What reconcile() would do.
  struct Drift {
    Held held;
    Wanted wanted;
    Changes changes;
  };
  Result<Drift> drift(const std::vector<Binding>& bindings, Programs& programs);

  /// Makes the kernel hold exactly what these bindings want. Returns how many changes it took, and what was closed.
  struct Reconciled {
    std::size_t changes = 0;
    std::vector<ClosedPort> closed;
  };
  Result<Reconciled> reconcile(const std::vector<Binding>& bindings, Programs& programs);

 private:
  /// Sends a plan whose programs are as they are known. Errors: the kernel's; then nothing has changed.
  Result<void> send(const Plan& plan);
  /// Reads back what the kernel has of these programs and of the frame, after somebody else wrote. False when it is not
  /// what is known.
  Result<bool> check(const std::set<std::string>& programs, const LowerOptions& options);

  Backend& backend_;
  Knowledge knowledge_;
  bool known_;
};

}  // namespace nwf::host
