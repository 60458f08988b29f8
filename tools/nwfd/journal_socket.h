// SPDX-License-Identifier: GPL-2.0-or-later
// The journal's own protocol, https://systemd.io/JOURNAL_NATIVE_PROTOCOL/, without ever waiting for a journal that does
// not read: sd_journal_sendv(3) waits.
#pragma once

#include <string>
#include <vector>

namespace nwf::tools {

class JournalSocket {
 public:
  explicit JournalSocket(std::string path) : path_(std::move(path)) {}
  JournalSocket(const JournalSocket&) = delete;
  JournalSocket& operator=(const JournalSocket&) = delete;
  ~JournalSocket();

  /// One entry. Each field is NAME=value; a value may be of several lines, and is cut where it is too long for a
  /// journal. False when the journal did not take it: it has as much to read as it may have, or does not run just now.
  bool send(const std::vector<std::string>& fields);

 private:
  std::string path_;
  int socket_ = -1;
};

}  // namespace nwf::tools
