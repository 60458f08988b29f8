// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfd/journal.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "engine/utf8.h"
#include "tools/nwfctl/exit_code.h"

namespace nwf::tools {
namespace {

// <syslog.h>, which the journal's PRIORITY and sd-daemon(3)'s line prefixes share.
enum Priority { kError = 3, kWarning = 4, kNotice = 5, kInformation = 6 };

Priority priority_of(host::EventKind kind) {
  switch (kind) {
    case host::EventKind::Healed:
    case host::EventKind::Refused:
      return kWarning;
    case host::EventKind::Bound:
    case host::EventKind::Unbound:
    case host::EventKind::Changed:
    case host::EventKind::Defined:
    case host::EventKind::Undefined:
    case host::EventKind::Learned:
    case host::EventKind::Expired:
      return kNotice;
    case host::EventKind::PortAppeared:
    case host::EventKind::PortGone:
    case host::EventKind::PortRenamed:
    case host::EventKind::PortMoved:
      return kInformation;
  }
  return kInformation;
}

/// systemd.journal-fields(7): capital letters, digits and underscores.
std::string field(const std::string& name, const std::string& value) {
  std::string text = "NWF_";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    text += std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_';
  }
  return text + "=" + value;
}

}  // namespace

Journal::Journal(std::string socket) : socket_(std::move(socket)) {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat error {};
  if (stream == nullptr || fstat(STDERR_FILENO, &error) != 0) return;
  to_journal_ = fmt::format("{}:{}", error.st_dev, error.st_ino) == stream;
}

void Journal::send(std::vector<std::string> fields, int priority, const std::string& text) {
  if (!to_journal_) {
    std::fputs(fmt::format("nwfd: {}\n", shown(text, text.size())).c_str(), stderr);
    return;
  }
  fields.push_back("MESSAGE=" + text);
  fields.push_back(fmt::format("PRIORITY={}", priority));
  fields.push_back("SYSLOG_IDENTIFIER=nwfd");
  if (not_taken_ > 0) fields.push_back(fmt::format("NWF_NOT_TAKEN={}", not_taken_));
  if (socket_.send(fields))
    not_taken_ = 0;
  else
    ++not_taken_;
}

void Journal::tell(const host::Event& event) {
  std::vector<std::string> fields{field("event", std::string(host::event_name(event.kind)))};
  if (!event.port.empty()) fields.push_back(field("port", event.port));
  if (!event.filter.empty()) fields.push_back(field("filter", event.filter));
  for (const auto& [name, value] : event.more) fields.push_back(field(name, value));
  send(std::move(fields), priority_of(event.kind), event.text);
}

void Journal::tell(const Error& error, const std::string& while_doing) {
  send({field("error", std::string(kind_name(error.kind)))}, kError,
       fmt::format("{}: {}", while_doing, describe(error)));
}

void Journal::tell(const std::string& text) { send({}, kInformation, text); }

}  // namespace nwf::tools
