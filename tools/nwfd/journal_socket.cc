// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfd/journal_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace nwf::tools {
namespace {

/// A datagram takes the fields of one entry, and there are few.
constexpr std::size_t kLongestValue = 16'384;

std::string entry_of(const std::vector<std::string>& fields) {
  std::string entry;
  for (const std::string& field : fields) {
    const std::size_t equals = field.find('=');
    const std::string_view value = std::string_view(field).substr(equals + 1, kLongestValue);
    entry.append(field, 0, equals);
    if (value.find('\n') == std::string_view::npos) {
      entry += '=';
    } else {
      // 64 bits, the lowest byte first.
      entry += '\n';
      for (unsigned shift = 0; shift < 64; shift += 8)
        entry += static_cast<char>(std::uint64_t{value.size()} >> shift & 0xff);
    }
    entry.append(value) += '\n';
  }
  return entry;
}

}  // namespace

JournalSocket::~JournalSocket() {
  if (socket_ >= 0) close(socket_);
}

bool JournalSocket::send(const std::vector<std::string>& fields) {
  if (socket_ < 0) socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_ < 0 || path_.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path_.c_str(), path_.size());
  const std::string entry = entry_of(fields);
  // By name each time: a journal that was started anew listens at another socket. sockets(7): every address begins like
  // a sockaddr.
  return sendto(socket_, entry.data(), entry.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                sizeof address) == static_cast<ssize_t>(entry.size());
}

}  // namespace nwf::tools
