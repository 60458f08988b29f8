// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/sysctl.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace nwf::netlink {
namespace {

std::string path_of(const std::string& name) { return "/proc/sys/" + name; }

tl::unexpected<Error> failed(int error, std::string_view what, const std::string& name) {
  const ErrorKind kind = error == ENOENT                                       ? ErrorKind::NotFound
                         : error == EACCES || error == EPERM || error == EROFS ? ErrorKind::Denied
                                                                               : ErrorKind::Kernel;
  return fail(kind, fmt::format("cannot {} {}: {}", what, path_of(name), std::strerror(error)));
}

class File {
 public:
  File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Result<std::optional<std::string>> read_sysctl(const std::string& name) {
  const File file(path_of(name), O_RDONLY);
  if (file.get() < 0 && errno == ENOENT) return std::optional<std::string>{};
  std::array<char, 256> text{};
  const ssize_t got = file.get() < 0 ? -1 : ::read(file.get(), text.data(), text.size());
  if (got < 0) return failed(errno, "read", name);
  std::string value(text.data(), static_cast<std::size_t>(got));
  while (!value.empty() && value.back() == '\n') value.pop_back();
  return std::optional<std::string>{std::move(value)};
}

Result<void> write_sysctl(const std::string& name, const std::string& value) {
  const File file(path_of(name), O_WRONLY);
  if (file.get() < 0 || ::write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
    return failed(errno, "write", name);
  return {};
}

}  // namespace nwf::netlink
