// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

namespace nwf::tools {
namespace {

tl::unexpected<Error> too_large(const std::string& name) {
  return fail(ErrorKind::Invalid, fmt::format("{} is larger than {} MiB", name, kMaxInput >> 20),
              "give one filter or binding");
}

tl::unexpected<Error> cannot_read(const std::string& file, int code) {
  const bool denied = code == EACCES || code == EPERM;
  std::string remedy;
  if (denied) remedy = "run as a user who may read it";
  if (code == ENOENT) remedy = "give the path of an XML file, or - for standard input";
  if (code == EISDIR) remedy = "give the XML files in it by name";
  return fail(denied ? ErrorKind::Denied : ErrorKind::Storage,
              fmt::format("cannot read {}: {}", file, std::generic_category().message(code)), std::move(remedy));
}

Result<std::string> read_stream(std::istream& in) {
  std::string text;
  std::vector<char> buffer(std::size_t{64} << 10);
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(in.gcount()));
    if (text.size() > kMaxInput) return too_large("standard input");
  }
  if (in.bad()) return cannot_read("standard input", EIO);
  return text;
}

// Reads to the end; the caller closes. Pipes are welcome: `<(…)` of a shell is one.
Result<std::string> read_descriptor(int fd, const std::string& file) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return cannot_read(file, errno);
  if (S_ISDIR(info.st_mode)) return cannot_read(file, EISDIR);
  std::string text;
  std::vector<char> buffer(std::size_t{64} << 10);
  while (true) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot_read(file, errno);
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > kMaxInput) return too_large(file);
  }
}

}  // namespace

Result<std::string> read_input(const std::string& file, std::istream& standard_input) {
  if (file == "-") return read_stream(standard_input);
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return cannot_read(file, errno);
  auto text = read_descriptor(fd, file);
  ::close(fd);
  return text;
}

}  // namespace nwf::tools
