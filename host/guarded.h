// SPDX-License-Identifier: GPL-2.0-or-later
// A host for a daemon: the same service, and what the kernel tells meanwhile.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/figures.h"
#include "host/host.h"
#include "host/learner.h"
#include "host/measured.h"

namespace nwf::host {

/// Somebody else's transaction that touched nwf's tables.
struct Intrusion {
  std::string program;    ///< its name as the kernel has it, or empty when not known
  std::uint32_t pid = 0;  ///< 0 when not known
};

/// What happened to an interface.
struct LinkNews {
  enum class Kind { Appeared, Gone, Renamed, Moved };
  Kind kind = Kind::Appeared;
  std::string name;
  std::string before;  ///< Renamed: the old name. Moved: the old bridge, or empty
  std::string bridge;  ///< the bridge it is in now, or empty
  bool tap = false;    ///< Gone: it was a TAP, so its guest is gone
};

class Guarded {
 public:
  virtual ~Guarded() = default;

  virtual Service& service() = 0;
  /// True once the kernel refuses others' changes to nwf's tables: after a reconcile with Options::own_tables.
  virtual bool owns_tables() const = 0;

  /// Readable when interfaces changed; then ask link_news().
  virtual int links_descriptor() const = 0;
  virtual Result<std::vector<LinkNews>> link_news() = 0;
  /// What watches the ports that learn, told of interfaces by link_news(): after it, refresh_links() is due.
  virtual Result<std::unique_ptr<Learner>> open_learner(Learner::Listener listener) = 0;

  /// Readable when somebody wrote nf_tables; then ask intrusion(): the last of them, if any touched nwf's tables.
  virtual int rules_descriptor() const = 0;
  virtual Result<std::optional<Intrusion>> intrusion() = 0;

  /// The bound ports with what their interfaces counted, sorted by name.
  virtual Result<std::vector<PortFigures>> ports() = 0;
};

/// Of this thread's network namespace. Errors: Denied, Unsupported (no nf_tables).
Result<std::unique_ptr<Guarded>> open_guarded(const Options& options, OnTransaction on_transaction);

}  // namespace nwf::host
