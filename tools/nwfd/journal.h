// SPDX-License-Identifier: GPL-2.0-or-later
// What nwfd tells: to systemd's journal with fields where it writes to one, else as lines on standard error. It never
// waits for a journal: what that does not take is counted, and the count told with what it takes next.
#pragma once

#include <string>
#include <vector>

#include "engine/error.h"
#include "host/events.h"
#include "tools/nwfd/journal_socket.h"

namespace nwf::tools {

class Journal {
 public:
  /// Standard error is the journal when systemd started us so (JOURNAL_STREAM, systemd.exec(5)); its entries go to the
  /// socket.
  explicit Journal(std::string socket = "/run/systemd/journal/socket");

  /// Fields: NWF_EVENT, NWF_PORT, NWF_FILTER, and NWF_… for what else is known.
  void tell(const host::Event& event);
  /// A failure of the daemon's own, with NWF_ERROR its kind.
  void tell(const Error& error, const std::string& while_doing);
  void tell(const std::string& text);

 private:
  void send(std::vector<std::string> fields, int priority, const std::string& text);

  bool to_journal_ = false;
  JournalSocket socket_;
  std::size_t not_taken_ = 0;
};

}  // namespace nwf::tools
