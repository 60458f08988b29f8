// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfd/sockets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace nwf::tools {
namespace {

tl::unexpected<Error> failed(const std::string& what) {
  const int code = errno;
  return fail(code == EACCES || code == EPERM ? ErrorKind::Denied : ErrorKind::Storage,
              fmt::format("{}: {}", what, std::strerror(code)));
}

}  // namespace

Result<int> lock_daemon(const std::string& path) {
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  std::error_code code;
  std::filesystem::create_directories(directory / "state", code);
  // What is remembered and learned is nobody else's.
  if (!code) std::filesystem::permissions(directory / "state", std::filesystem::perms::owner_all, code);
  if (code) return fail(ErrorKind::Storage, fmt::format("cannot make {}: {}", directory.string(), code.message()));
  const std::string lock = directory.string() + "/nwfd.lock";
  // For reading: a file open for writing keeps its disk from being made read-only.
  const int fd = open(lock.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return failed("cannot open " + lock);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const bool held = errno == EWOULDBLOCK;
    auto why = failed("cannot lock " + lock);
    close(fd);
    if (held) return fail(ErrorKind::Refused, fmt::format("another nwfd runs here: it holds {}", lock));
    return why;
  }
  return fd;
}

Result<int> listen_at(const std::string& path, std::optional<gid_t> group, bool others) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorKind::Invalid, fmt::format("{} is too long for a socket's name", path),
                fmt::format("a name may have {} bytes", sizeof address.sun_path - 1));
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed("cannot make a socket");
  // Nobody may connect before mode and group are right.
  unlink(path.c_str());
  const mode_t old = umask(0177);
  const int bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  umask(old);
  const mode_t mode = others ? 0666 : group ? 0660 : 0600;
  if (bound != 0 || (group && chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) ||
      (mode != 0600 && chmod(path.c_str(), mode) != 0) || listen(fd, SOMAXCONN) != 0) {
    auto why = failed("cannot listen at " + path);
    close(fd);
    return why;
  }
  return fd;
}

std::map<std::string, int> activated_sockets() {
  std::map<std::string, int> sockets;
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(1, &names);
  for (int i = 0; i < count; ++i) {
    sockets.emplace(names[i], SD_LISTEN_FDS_START + i);
    std::free(names[i]);
  }
  std::free(static_cast<void*>(names));
  return sockets;
}

Result<gid_t> group_of(const std::string& name) {
  const group* found = getgrnam(name.c_str());
  if (found == nullptr)
    return fail(ErrorKind::NotFound, fmt::format("there is no group '{}'", name), "see groupadd(8)");
  return found->gr_gid;
}

}  // namespace nwf::tools
