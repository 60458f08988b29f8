// SPDX-License-Identifier: GPL-2.0-or-later
// The part of a host's firewall that is in the legacy tables.
//
// What a port has there follows from its binding and its program alone, so a change needs no memory of the kernel: from
// what the port had to what it is to have. What is remembered, in the store, is which chains nwf made: whatever else is
// in the tables is somebody else's.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/legacy/kernel.h"
#include "host/firewall.h"
#include "host/legacy_record.h"
#include "host/programs.h"

namespace nwf::host {

class LegacyLayer {
 public:
  /// `store` and `kernel` outlive it.
  LegacyLayer(store::Store& store, legacy::Kernel& kernel) : store_(store), kernel_(kernel) {}

  /// What was in force here, if anything; of another boot or namespace nothing is.
  Result<void> recall();
  /// Something of ours is in the tables, or may be.
  bool has_rules() const { return record_.has_value(); }
  /// The tables judge: all of a change to them was made.
  bool in_force() const { return record_ && record_->in_force; }
  bool classic() const { return record_ && record_->layout.classic; }
  const legacy::Layout& layout() const { return record_->layout; }

  /// Finds out what the kernel has; from then on rules can be made. Errors: Unsupported without iptables' tables.
  Result<void> begin(bool classic);
  /// All of it is there: it judges.
  Result<void> enforce();

  /// What some ports have, and are to have. The two layers are in tables that change one after the other, so a port
  /// whose layers both change has the inet layers of both programs meanwhile: what both let pass passes, and no packet
  /// is judged by a layer of each alone.
  struct Step {
    legacy::Tables before, after;
    std::map<legacy::TableId, legacy::IpTable> between;  ///< the inet layer while the ethernet layer changes
    bool mixed = false;  ///< some port has both: packets on their way have to leave between the parts
  };
  /// Errors: those of the programs that ports come to.
  Result<Step> step(const std::vector<PortChange>& ports, Programs& before, Programs& after) const;
  /// As far as `between` and the ethernet layer; when it fails nothing is changed. `let_packets_leave` waits for those
  /// on their way.
  Result<void> begin_step(const Step& step, const std::function<void()>& let_packets_leave);
  /// The rest: nf_tables' part of the change is made.
  Result<void> finish_step(const Step& step, const std::function<void()>& let_packets_leave);
  /// Takes a step back that was begun.
  Result<void> undo(const Step& step);

  /// What all these bindings want. A port whose rules cannot be made is closed.
  legacy::Tables wanted(const std::vector<Binding>& bindings, Programs& programs) const;
  /// How many changes it took.
  Result<std::size_t> reconcile(const std::vector<Binding>& bindings, Programs& programs);
  Result<std::vector<std::string>> differences(const std::vector<Binding>& bindings, Programs& programs);
  /// Takes everything of ours out of the tables.
  Result<void> leave();

 private:
  Result<legacy::Tables> tables_of(const Binding& binding, Programs& programs) const;
  legacy::Tables closed(const PortName& port) const;
  Result<void> write() { return write_record(store_, kPortsRecord, *record_); }
  /// A port's tables, and what its inet layer is meanwhile.
  Result<std::map<legacy::TableId, legacy::IpTable>> between(const PortChange& change, Programs& programs,
                                                             const legacy::Tables& from,
                                                             const legacy::Tables& to) const;
  /// The port keeps the program that nf_tables has of it, and its values there.
  static bool same_in_nftables(const PortChange& change, Programs& before, Programs& after);
  Result<void> apply(const legacy::Tables& from, const legacy::Tables& to);
  /// Names that come with a change are written down before it.
  Result<void> note(const legacy::Tables& coming);
  /// A chain that turned out to be somebody else's is not remembered as ours.
  template <class T>
  Result<T> kept(Result<T> done, const legacy::Names& known);

  store::Store& store_;
  legacy::Kernel& kernel_;
  std::optional<LegacyRecord> record_;
};

}  // namespace nwf::host
