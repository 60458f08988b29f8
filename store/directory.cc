// SPDX-License-Identifier: GPL-2.0-or-later
// The store as directories of files; store.h says where they lie.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>

#include "store/file_error.h"
#include "store/store.h"
#include "store/write_file.h"
#include "store/write_together.h"

namespace nwf::store {
namespace {

constexpr std::size_t kMaxFileName = 255;  // linux/limits.h: NAME_MAX
constexpr std::string_view kClean = "clean\n";
/// Shelves whose documents come into force together. Definitions outlive a boot, so they decide.
constexpr Shelf kTogether[] = {Shelf::Bindings, Shelf::NetworksUp, Shelf::Filters, Shelf::Networks};

/// The file system's time goes in steps: what was changed just now may be changed again without showing.
constexpr std::int64_t kStepNs = 20'000'000;

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

std::int64_t now_ns() {
  timespec now{};
  return ::clock_gettime(CLOCK_REALTIME, &now) == 0 ? nanoseconds(now) : 0;
}

struct ShelfPlace {
  std::string_view directory;
  std::string_view suffix;
};

ShelfPlace place_of(Shelf shelf) {
  switch (shelf) {
    case Shelf::Filters:
      return {"/etc/nwf/filters", ".xml"};
    case Shelf::Bindings:
      return {"/run/nwf/bindings", ".xml"};
    case Shelf::Leases:
      return {"/run/nwf/leases", ".json"};
    case Shelf::State:
      return {"/run/nwf/state", ""};
    case Shelf::Networks:
      return {"/etc/nwf/networks", ".xml"};
    case Shelf::Autostart:
      return {"/etc/nwf/networks/autostart", ""};
    case Shelf::NetworksUp:
      return {"/run/nwf/networks", ".xml"};
    case Shelf::NetworksChanging:
      return {"/run/nwf/networks/changing", ".xml"};
    case Shelf::Imported:
      return {"/etc/nwf/imported", ".json"};
    case Shelf::Settings:
      return {"/etc/nwf/settings", ""};
  }
  __builtin_unreachable();
}

// The file of a document, or why the name cannot be one.
Result<std::string> file_of(Shelf shelf, const std::string& name) {
  const std::string_view suffix = place_of(shelf).suffix;
  const auto refuse = [&](std::string_view why, std::string remedy) {
    return fail(ErrorKind::Invalid, fmt::format("the name '{}' cannot be stored: {}", name, why), std::move(remedy));
  };
  if (name.empty()) return fail(ErrorKind::Invalid, "an empty name cannot be stored", "give a name");
  if (name == "." || name == "..") return refuse("it stands for a directory", "choose another name");
  if (name.find('/') != std::string::npos) return refuse("it has a '/'", "leave out the '/'");
  if (name.find('\0') != std::string::npos) {
    return fail(ErrorKind::Invalid, "a name with a zero byte cannot be stored", "choose another name");
  }
  // Where documents have no suffix, a leading dot is what tells temporary files apart.
  if (suffix.empty() && name.front() == '.') return refuse("it starts with a '.'", "leave out the '.'");
  if (name.size() + suffix.size() > kMaxFileName) {
    return refuse(fmt::format("it has {} bytes", name.size()),
                  fmt::format("a name may have {} bytes", kMaxFileName - suffix.size()));
  }
  return name + std::string(suffix);
}

// The lock file says "clean" while nobody holds it. Whoever finds it otherwise follows a process that died.
class FileLock : public Lock {
 public:
  FileLock(Descriptor file, bool after_crash) : file_(std::move(file)), after_crash_(after_crash) {}
  ~FileLock() override {
    // If this fails, the next holder looks for leftovers in vain; no more.
    [[maybe_unused]] const ssize_t written = ::pwrite(file_.get(), kClean.data(), kClean.size(), 0);
  }
  bool after_crash() const override { return after_crash_; }

 private:
  Descriptor file_;
  bool after_crash_;
};

ListedDocument looked_at(const std::string& name, const struct stat& file, std::int64_t now) {
  return {name,
          {file.st_dev, file.st_ino, static_cast<std::uint64_t>(file.st_size), nanoseconds(file.st_mtim),
           nanoseconds(file.st_ctim)},
          now - nanoseconds(file.st_ctim) >= kStepNs};
}

class DirectoryStore : public Store {
 public:
  explicit DirectoryStore(std::string root) : root_(std::move(root)) {
    while (!root_.empty() && root_.back() == '/') root_.pop_back();
  }

  Result<std::unique_ptr<Lock>> lock() override {
    const std::string directory_path = root_ + "/run/nwf";
    const std::string path = directory_path + "/lock";
    NWF_TRY(const Descriptor directory, open_directory_fd(directory_path, true));
    while (true) {
      // Mode 0600: who may only read must not be able to hold it.
      Descriptor file(::openat(directory.get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
      if (!file) return fail(file_error(errno, "open", path));
      while (::flock(file.get(), LOCK_EX) != 0) {
        if (errno != EINTR) return fail(file_error(errno, "lock", path));
      }
      // Somebody may have removed the file while we waited; then another process can hold the new one.
      struct stat held {};
      struct stat named {};
      if (::fstat(file.get(), &held) != 0) return fail(file_error(errno, "lock", path));
      if (::fstatat(directory.get(), "lock", &named, AT_SYMLINK_NOFOLLOW) != 0 || held.st_ino != named.st_ino ||
          held.st_dev != named.st_dev) {
        continue;
      }
      NWF_CHECK(finish_together(directories()));
      if (held.st_size == 0) clean_up();
      if (::ftruncate(file.get(), 0) != 0) return fail(file_error(errno, "write", path));
      return std::make_unique<FileLock>(std::move(file), held.st_size == 0);
    }
  }

  Result<std::optional<std::string>> get(Shelf shelf, const std::string& name) override {
    NWF_TRY(const std::string file, file_of(shelf, name));
    NWF_TRY(const Descriptor directory, open_directory_fd(directory_of(shelf), false));
    if (!directory) return std::nullopt;
    return read_file(directory, directory_of(shelf), file);
  }

  Result<std::vector<std::string>> list(Shelf shelf) override {
    const std::string path = directory_of(shelf);
    const std::string_view suffix = place_of(shelf).suffix;
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(path.c_str()), &::closedir);
    if (stream == nullptr && errno == ENOENT) return names;
    if (stream == nullptr) return fail(file_error(errno, "list", path));
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr && errno != 0) return fail(file_error(errno, "list", path));
      if (entry == nullptr) break;
      const std::string_view file = entry->d_name;
      if (entry->d_type == DT_DIR || is_temporary(file) || !file.ends_with(suffix)) continue;
      std::string name(file.substr(0, file.size() - suffix.size()));
      if (file_of(shelf, name)) names.push_back(std::move(name));
    }
    std::ranges::sort(names);
    return names;
  }

  Result<std::vector<ListedDocument>> look(Shelf shelf) override {
    NWF_TRY(const auto names, list(shelf));
    std::vector<ListedDocument> documents;
    if (names.empty()) return documents;
    NWF_TRY(const Descriptor directory, open_directory_fd(directory_of(shelf), false));
    if (!directory) return documents;
    documents.reserve(names.size());
    const std::int64_t now = now_ns();
    for (const std::string& name : names) {
      struct stat file {};
      const std::string path = name + std::string(place_of(shelf).suffix);
      if (::fstatat(directory.get(), path.c_str(), &file, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;
        return fail(file_error(errno, "look at", this->path(shelf, name)));
      }
      documents.push_back(looked_at(name, file, now));
    }
    return documents;
  }

  Result<std::optional<ListedDocument>> look(Shelf shelf, const std::string& name) override {
    NWF_CHECK(file_of(shelf, name));
    struct stat file {};
    const std::string path = this->path(shelf, name);
    const std::int64_t now = now_ns();
    if (::lstat(path.c_str(), &file) == 0) return std::optional(looked_at(name, file, now));
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<ListedDocument>();
    return fail(file_error(errno, "look at", path));
  }

  std::optional<std::string> revision(Shelf shelf) override {
    struct stat directory {};
    if (::stat(directory_of(shelf).c_str(), &directory) != 0) return {};
    if (now_ns() - nanoseconds(directory.st_mtim) < kStepNs) return {};
    return fmt::format("{}:{}:{}", directory.st_dev, directory.st_ino, nanoseconds(directory.st_mtim));
  }

  Result<std::unique_ptr<Prepared>> prepare(Shelf shelf, const std::string& name, std::string_view text) override {
    NWF_TRY(const std::string file, file_of(shelf, name));
    if (text.size() > kMaxDocument) {
      return fail(ErrorKind::Invalid, fmt::format("cannot write {}: it would be larger than {} MiB", path(shelf, name),
                                                  kMaxDocument >> 20));
    }
    NWF_TRY(Descriptor directory, open_directory_fd(directory_of(shelf), true));
    return prepare_file(std::move(directory), directory_of(shelf), file, text);
  }

  Result<std::unique_ptr<Prepared>> prepare_all(const std::vector<ShelvedDocument>& documents) override {
    std::vector<PartOfMany> parts;
    for (const std::string& directory : directories()) remove_undecided(directory);
    for (const Shelf shelf : kTogether) {
      PartOfMany part{directory_of(shelf), {}};
      for (const ShelvedDocument& document : documents) {
        if (document.shelf != shelf) continue;
        NWF_TRY(std::string file, file_of(shelf, document.name));
        part.files.emplace_back(std::move(file), document.text);
      }
      if (!part.files.empty()) parts.push_back(std::move(part));
    }
    return prepare_together(parts);
  }

  Result<void> fill(Shelf shelf, const std::vector<Document>& documents) override {
    const std::string path = directory_of(shelf), staging = path + ".new";
    std::error_code failed;
    std::filesystem::remove_all(staging, failed);  // of a fill that a crash ended
    if (failed) return fail(file_error(failed.value(), "remove", staging));
    NWF_CHECK(fill_one_by_one(shelf, staging, documents));
    NWF_TRY(const Descriptor parent, open_directory_fd(path.substr(0, path.rfind('/')), false));
    if (::rename(staging.c_str(), path.c_str()) != 0) {
      const int code = errno;
      std::filesystem::remove_all(staging, failed);
      // A file that is no document stands in the way: then one after the other.
      if (code == ENOTEMPTY || code == EEXIST) return fill_one_by_one(shelf, path, documents);
      return fail(file_error(code, "rename", staging));
    }
    if (const int code = sync(parent.get()); code != 0) return fail(file_error(code, "make durable", path));
    return {};
  }

  Result<void> remove(Shelf shelf, const std::string& name) override {
    NWF_TRY(const std::string file, file_of(shelf, name));
    NWF_TRY(const Descriptor directory, open_directory_fd(directory_of(shelf), false));
    if (!directory) return {};
    if (::unlinkat(directory.get(), file.c_str(), 0) != 0) {
      if (errno == ENOENT) return {};
      return fail(file_error(errno, "remove", path(shelf, name)));
    }
    if (const int code = sync(directory.get()); code != 0) {
      return fail(file_error(code, "make durable the removal of", path(shelf, name)));
    }
    return {};
  }

  std::string path(Shelf shelf, const std::string& name) const override {
    return directory_of(shelf) + "/" + name + std::string(place_of(shelf).suffix);
  }

 private:
  std::string directory_of(Shelf shelf) const { return root_ + std::string(place_of(shelf).directory); }

  std::vector<std::string> directories() const {
    std::vector<std::string> all;
    for (const Shelf shelf : kTogether) all.push_back(directory_of(shelf));
    return all;
  }

  static Result<void> fill_one_by_one(Shelf shelf, const std::string& path, const std::vector<Document>& documents) {
    for (const Document& document : documents) {
      NWF_TRY(const std::string file, file_of(shelf, document.name));
      NWF_TRY(Descriptor directory, open_directory_fd(path, true));
      NWF_TRY(const auto prepared, prepare_file(std::move(directory), path, file, document.text));
      NWF_CHECK(prepared->commit());
    }
    return {};
  }

  void clean_up() {
    for (const std::string& directory : directories()) remove_undecided(directory);
    for (const Shelf shelf :
         {Shelf::Filters, Shelf::Bindings, Shelf::Leases, Shelf::State, Shelf::Networks, Shelf::Autostart,
          Shelf::NetworksUp, Shelf::NetworksChanging, Shelf::Imported, Shelf::Settings}) {
      const auto directory = open_directory_fd(directory_of(shelf), false);
      if (directory && *directory) remove_stale(*directory);
    }
  }

  std::string root_;  // without a slash at its end; "" is the host's own "/"
};

}  // namespace

std::unique_ptr<Store> open_directory(const std::string& root) { return std::make_unique<DirectoryStore>(root); }

}  // namespace nwf::store
