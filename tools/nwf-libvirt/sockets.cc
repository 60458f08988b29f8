// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwf-libvirt/sockets.h"

#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

namespace nwf::tools {
namespace {

constexpr int kBacklog = 512;

tl::unexpected<Error> failed(const std::string& what, const std::string& path) {
  const int error = errno;
  return fail(error == EACCES || error == EPERM ? ErrorKind::Denied : ErrorKind::Storage,
              fmt::format("cannot {} socket {}: {}", what, path, std::strerror(error)));
}

/// True when somebody answers at this address.
bool answers(const sockaddr_un& address) {
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return true;
  const int r = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::close(probe);
  return r == 0 || error == EAGAIN;
}

/// Makes way for a new socket at the address.
Result<void> clear(const SocketPlace& place, const sockaddr_un& address) {
  struct stat there {};
  if (::lstat(place.path.c_str(), &there) != 0) return {};
  if (!S_ISSOCK(there.st_mode))
    return fail(ErrorKind::Refused, fmt::format("{} is there and is no socket", place.path), "remove it");
  if (answers(address))
    return fail(ErrorKind::Refused, fmt::format("somebody listens on socket {}", place.path),
                "stop that daemon (virtnwfilterd?), or name another place");
  if (::unlink(place.path.c_str()) != 0) return failed("replace", place.path);
  return {};
}

}  // namespace

Result<int> listen_at(const SocketPlace& place) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (place.path.size() >= sizeof address.sun_path)
    return fail(ErrorKind::Invalid, fmt::format("the path of socket {} has {} bytes", place.path, place.path.size()),
                fmt::format("a socket's path has at most {}", sizeof address.sun_path - 1));
  std::memcpy(address.sun_path, place.path.data(), place.path.size());
  std::optional<gid_t> owner;
  if (!place.group.empty()) {
    const group* found = ::getgrnam(place.group.c_str());
    if (found == nullptr)
      return fail(ErrorKind::Invalid, fmt::format("there is no group '{}'", place.group), "see groupadd(8)");
    owner = found->gr_gid;
  }
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(place.path).parent_path(), ignored);
  NWF_CHECK(clear(place, address));
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed("make", place.path);
  const auto give_up = [&](const std::string& what) {
    auto error = failed(what, place.path);
    ::close(fd);
    return error;
  };
  // unix(7): the file's mode at bind() is the descriptor's. Nobody is heard before listen().
  if (::fchmod(fd, 0) != 0) return give_up("set the mode of");
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return give_up("make");
  if (owner && ::lchown(place.path.c_str(), static_cast<uid_t>(-1), *owner) != 0) return give_up("set the group of");
  if (::chmod(place.path.c_str(), place.mode) != 0) return give_up("set the mode of");
  if (::listen(fd, kBacklog) != 0) return give_up("listen on");
  return fd;
}

}  // namespace nwf::tools
