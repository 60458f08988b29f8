// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/write_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "store/file_error.h"

namespace nwf::store {
namespace {

constexpr std::string_view kTemporaryPrefix = ".nwf-";
constexpr std::string_view kTemporarySuffix = ".tmp";
constexpr mode_t kDirectoryMode = 0755;

std::string temporary_name() {
  std::uint64_t number = 0;
  // Chance only keeps two writers from meeting often; O_EXCL is what tells them apart.
  if (::getrandom(&number, sizeof number, 0) != sizeof number) number = static_cast<std::uint64_t>(::getpid());
  return fmt::format("{}{:016x}{}", kTemporaryPrefix, number, kTemporarySuffix);
}

int flock_restarting(int fd, int operation) {
  while (::flock(fd, operation) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

class PreparedFile : public Prepared {
 public:
  PreparedFile(Descriptor directory, std::string directory_path, std::string file)
      : directory_(std::move(directory)), directory_path_(std::move(directory_path)), file_(std::move(file)) {}
  ~PreparedFile() override {
    if (!temporary_.empty()) ::unlinkat(directory_.get(), temporary_.c_str(), 0);
  }

  Result<void> write(std::string_view text) {
    if (const int code = create(); code != 0) return fail(file_error(code, "write", path()));
    if (const int code = write_all(content_.get(), text); code != 0) return fail(file_error(code, "write", path()));
    if (const int code = sync(content_.get()); code != 0) return fail(file_error(code, "write", path()));
    return {};
  }

  Result<void> commit() override {
    assert(!temporary_.empty());
    if (::renameat(directory_.get(), temporary_.c_str(), directory_.get(), file_.c_str()) != 0) {
      return fail(file_error(errno, "replace", path()));
    }
    temporary_.clear();
    if (const int code = sync(directory_.get()); code != 0) return fail(file_error(code, "make durable", path()));
    return {};
  }

 private:
  std::string path() const { return directory_path_ + "/" + file_; }

  // An errno, or 0 and a held temporary file.
  int create() {
    constexpr int kAttempts = 100;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      std::string name = temporary_name();
      Descriptor fd(
          ::openat(directory_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kFileMode));
      if (!fd && (errno == EEXIST || errno == EINTR)) continue;
      if (!fd) return errno;
      if (const int code = flock_restarting(fd.get(), LOCK_EX); code != 0) {
        ::unlinkat(directory_.get(), name.c_str(), 0);
        return code;
      }
      // remove_stale() of another process may have come between open and flock.
      struct stat info {};
      if (::fstat(fd.get(), &info) != 0) return errno;
      if (info.st_nlink == 0) continue;
      content_ = std::move(fd);
      temporary_ = std::move(name);
      return 0;
    }
    return EEXIST;
  }

  Descriptor directory_;
  std::string directory_path_;
  std::string file_;
  Descriptor content_;
  std::string temporary_;  // empty: nothing to drop
};

// Opens `name` below `parent`, making it when it is not there.
Result<Descriptor> open_or_make(const Descriptor& parent, const std::string& name, const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  Descriptor found(::openat(parent.get(), name.c_str(), kFlags));
  if (found) return found;
  if (errno != ENOENT) return fail(file_error(errno, "open", path));
  if (::mkdirat(parent.get(), name.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    return fail(file_error(errno, "make the directory", path));
  }
  if (const int code = sync(parent.get()); code != 0) return fail(file_error(code, "make durable", path));
  Descriptor made(::openat(parent.get(), name.c_str(), kFlags));
  if (!made) return fail(file_error(errno, "open", path));
  return made;
}

}  // namespace

int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int sync(int fd) {
  while (::fsync(fd) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

Result<Descriptor> open_directory_fd(const std::string& path, bool create) {
  Descriptor found(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (found) return found;
  if (errno != ENOENT) return fail(file_error(errno, "open", path));
  if (!create) return Descriptor();

  const bool absolute = !path.empty() && path.front() == '/';
  std::string walked = absolute ? "/" : ".";
  Descriptor directory(::open(walked.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return fail(file_error(errno, "open", walked));
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    begin = end + 1;
    if (name.empty()) continue;
    NWF_TRY(directory, open_or_make(directory, name, path.substr(0, end)));
  }
  return directory;
}

Result<std::unique_ptr<Prepared>> prepare_file(Descriptor directory, const std::string& directory_path,
                                               const std::string& file, std::string_view text) {
  auto prepared = std::make_unique<PreparedFile>(std::move(directory), directory_path, file);
  NWF_CHECK(prepared->write(text));
  return prepared;
}

Result<std::optional<std::string>> read_file(const Descriptor& directory, const std::string& directory_path,
                                             const std::string& file) {
  const std::string path = directory_path + "/" + file;
  // O_NONBLOCK: a pipe of this name must not make us wait for a writer.
  const Descriptor fd(::openat(directory.get(), file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) return fail(file_error(errno, "read", path));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail(file_error(errno, "read", path));
  if (S_ISDIR(info.st_mode)) return fail(file_error(EISDIR, "read", path));
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorKind::Storage, fmt::format("cannot read {}: it is not a regular file", path), "move it away");
  }
  std::string text;
  std::vector<char> buffer(std::size_t{64} << 10);
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(file_error(errno, "read", path));
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > kMaxDocument) {
      return fail(ErrorKind::Storage, fmt::format("cannot read {}: it is larger than {} MiB", path, kMaxDocument >> 20),
                  "move it away");
    }
  }
}

bool is_temporary(std::string_view file) {
  return file.starts_with(kTemporaryPrefix) && file.ends_with(kTemporarySuffix);
}

void remove_stale(const Descriptor& directory) {
  const int fd = ::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  DIR* stream = ::fdopendir(fd);
  if (stream == nullptr) {
    ::close(fd);
    return;
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream)) {
    if (is_temporary(entry->d_name)) names.emplace_back(entry->d_name);
  }
  ::closedir(stream);
  for (const std::string& name : names) {
    const Descriptor file(::openat(directory.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file && flock_restarting(file.get(), LOCK_EX | LOCK_NB) == 0) ::unlinkat(directory.get(), name.c_str(), 0);
  }
}

}  // namespace nwf::store
