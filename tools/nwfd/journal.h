// SPDX-License-Identifier: GPL-2.0-or-later
// What nwfd tells: to systemd's journal with fields where it writes to one, else as lines on standard error.
#pragma once

#include <string>

#include "engine/error.h"
#include "host/events.h"

namespace nwf::tools {

class Journal {
 public:
  /// Standard error is the journal when systemd started us so (JOURNAL_STREAM, systemd.exec(5)).
  Journal();

  /// Fields: NWF_EVENT, NWF_PORT, NWF_FILTER, and NWF_… for what else is known.
  void tell(const host::Event& event) const;
  /// A failure of the daemon's own, with NWF_ERROR its kind.
  void tell(const Error& error, const std::string& while_doing) const;
  void tell(const std::string& text) const;

 private:
  bool to_journal_;
};

}  // namespace nwf::tools
