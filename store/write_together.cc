// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/write_together.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "store/descriptor.h"
#include "store/file_error.h"
#include "store/write_file.h"

namespace nwf::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNext = ".next", kReady = ".ready", kCommit = ".commit";
/// From so many files on, one sync of the file system costs less than one of each file.
constexpr std::size_t kManyFiles = 16;

std::string with(const std::string& directory, std::string_view suffix) { return directory + std::string(suffix); }

std::string parent_of(const std::string& directory) { return directory.substr(0, directory.rfind('/')); }

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<void> sync_directory(const std::string& path) {
  NWF_TRY(const Descriptor directory, open_directory_fd(path, false));
  if (const int code = directory ? sync(directory.get()) : ENOENT; code != 0)
    return fail(file_error(code, "make durable", path));
  return {};
}

Result<void> write_aside(const PartOfMany& part) {
  const std::string path = with(part.directory, kNext);
  NWF_TRY(const Descriptor directory, open_directory_fd(path, true));
  for (const auto& [name, text] : part.files) {
    const std::string file_path = part.directory + "/" + name;
    const Descriptor file(
        ::openat(directory.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kFileMode));
    if (!file) return fail(file_error(errno, "write", file_path));
    if (const int code = write_all(file.get(), text); code != 0) return fail(file_error(code, "write", file_path));
    if (part.files.size() >= kManyFiles) continue;
    if (const int code = sync(file.get()); code != 0) return fail(file_error(code, "write", file_path));
  }
  // syncfs(2) returns after the data of all files of the file system is on its disk, or says that some could not be.
  if (part.files.size() >= kManyFiles && ::syncfs(directory.get()) != 0)
    return fail(file_error(errno, "write", part.directory));
  if (const int code = sync(directory.get()); code != 0) return fail(file_error(code, "write", part.directory));
  // The directory that the files go to has to be there before anything is decided.
  NWF_TRY(const Descriptor into, open_directory_fd(part.directory, true));
  return {};
}

Result<void> rename_durably(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return fail(file_error(errno, "rename", from));
  return sync_directory(parent_of(to));
}

/// Every file of `from` to its directory, and `from` away.
Result<void> bring_in(const std::string& from, const std::string& directory) {
  NWF_TRY(const Descriptor source, open_directory_fd(from, false));
  if (!source) return {};
  NWF_TRY(const Descriptor target, open_directory_fd(directory, true));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(from.c_str()), &::closedir);
  if (stream == nullptr) return fail(file_error(errno, "list", from));
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get()))
    if (const std::string_view name = entry->d_name; name != "." && name != "..") names.emplace_back(name);
  for (const std::string& name : names)
    if (::renameat(source.get(), name.c_str(), target.get(), name.c_str()) != 0)
      return fail(file_error(errno, "replace", directory + "/" + name));
  if (const int code = sync(target.get()); code != 0) return fail(file_error(code, "make durable", directory));
  if (::rmdir(from.c_str()) != 0) return fail(file_error(errno, "remove", from));
  return {};
}

class Together final : public Prepared {
 public:
  explicit Together(std::vector<std::string> directories) : directories_(std::move(directories)) {}
  ~Together() override {
    if (!decided_)
      for (const std::string& directory : directories_) remove_undecided(directory);
  }

  Result<void> commit() override {
    for (const std::string& directory : directories_) {
      const bool last = directory == directories_.back();
      NWF_CHECK(rename_durably(with(directory, kNext), with(directory, last ? kCommit : kReady)));
      decided_ = last;
    }
    // Decided is decided: were it given up here, the next to come would still bring it about.
    if (finish_together(directories_)) return {};
    return finish_together(directories_);
  }

 private:
  std::vector<std::string> directories_;
  bool decided_ = false;
};

}  // namespace

Result<std::unique_ptr<Prepared>> prepare_together(const std::vector<PartOfMany>& parts) {
  std::vector<std::string> directories;
  for (const PartOfMany& part : parts) directories.push_back(part.directory);
  auto together = std::make_unique<Together>(std::move(directories));
  for (const PartOfMany& part : parts) NWF_CHECK(write_aside(part));
  return together;
}

Result<void> finish_together(const std::vector<std::string>& directories) {
  for (std::size_t last = 0; last < directories.size(); ++last) {
    if (!exists(with(directories[last], kCommit))) continue;
    for (std::size_t part = 0; part < last; ++part)
      NWF_CHECK(bring_in(with(directories[part], kReady), directories[part]));
    NWF_CHECK(bring_in(with(directories[last], kCommit), directories[last]));
  }
  return {};
}

void remove_undecided(const std::string& directory) {
  std::error_code ignored;  // what cannot be removed is in the way of the next writer, who will say so
  fs::remove_all(with(directory, kNext), ignored);
  fs::remove_all(with(directory, kReady), ignored);
}

}  // namespace nwf::store
