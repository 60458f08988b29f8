// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/running_guests.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace nwf::host {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".xml";
constexpr std::uint32_t kChanges =
    IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::uint32_t kAppears = IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;
/// Larger ones are not libvirt's.
constexpr std::uintmax_t kLargest = 4 << 20;

class WatchedGuests final : public RunningGuests {
 public:
  WatchedGuests(std::string directory, int inotify) : directory_(std::move(directory)), inotify_(inotify) { arm(); }
  ~WatchedGuests() override { ::close(inotify_); }
  WatchedGuests(const WatchedGuests&) = delete;
  WatchedGuests& operator=(const WatchedGuests&) = delete;

  int descriptor() const override { return inotify_; }

  std::vector<GuestFile> drain() override {
    std::set<std::string> names;
    bool lost = false;
    alignas(inotify_event) std::array<char, 16384>
        buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read fills it
    for (ssize_t got = 0; (got = ::read(inotify_, buffer.data(), buffer.size())) > 0;)
      for (ssize_t at = 0; at < got;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
        // Of a watch given up before comes at least its end, which is no news.
        if (event->wd != watch_ && (event->mask & IN_Q_OVERFLOW) == 0) continue;
        lost |= (event->mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0 || !in_place_;
        if (event->len > 0 && in_place_) names.insert(event->name);
      }
    if (lost || first_) {
      first_ = false;
      if (lost) arm();
      return everything();
    }
    std::vector<GuestFile> changed;
    for (const std::string& file : names)
      if (auto guest = read(file)) changed.push_back(std::move(*guest));
    for (const GuestFile& guest : changed)
      guest.text ? void(known_.insert(guest.name)) : void(known_.erase(guest.name));
    return changed;
  }

  std::vector<GuestFile> all() const override {
    std::vector<GuestFile> guests;
    std::error_code ignored;
    for (fs::directory_iterator entry(directory_, ignored), end; !ignored && entry != end; entry.increment(ignored))
      if (auto guest = read(entry->path().filename().string()); guest && guest->text)
        guests.push_back(std::move(*guest));
    return guests;
  }

 private:
  /// Watches the directory or, where there is none yet, the one above in which it will appear.
  void arm() {
    fs::path place, missing;
    std::error_code ignored;
    do {  // again when what was missing is made before the place above is watched
      if (watch_ >= 0) ::inotify_rm_watch(inotify_, watch_);
      place = directory_;
      missing.clear();
      while ((watch_ = ::inotify_add_watch(inotify_, place.c_str(), place == directory_ ? kChanges : kAppears)) < 0 &&
             place.has_relative_path()) {
        missing = errno == ENOENT ? place : fs::path();
        place = place.parent_path();
      }
    } while (!missing.empty() && fs::exists(missing, ignored));
    in_place_ = watch_ >= 0 && place == directory_;
  }

  /// All guests there are, and those that are not there any more.
  std::vector<GuestFile> everything() {
    auto guests = all();
    std::set<std::string> now;
    for (const GuestFile& guest : guests) now.insert(guest.name);
    for (const std::string& name : known_)
      if (!now.contains(name)) guests.push_back({name, path_of(name + std::string(kSuffix)), std::nullopt});
    known_ = std::move(now);
    return guests;
  }

  std::string path_of(const std::string& file) const { return directory_ + "/" + file; }

  std::optional<GuestFile> read(const std::string& file) const {
    if (!file.ends_with(kSuffix) || file.size() == kSuffix.size()) return std::nullopt;
    GuestFile guest{file.substr(0, file.size() - kSuffix.size()), path_of(file), std::nullopt};
    std::error_code failed;
    const auto size = fs::file_size(guest.path, failed);
    if (failed) return guest;
    if (size > kLargest) return std::nullopt;
    std::ifstream stream(guest.path, std::ios::binary);
    if (!stream) return guest;
    std::ostringstream text;
    text << stream.rdbuf();
    guest.text = std::move(text).str();
    return guest;
  }

  std::string directory_;
  int inotify_;
  int watch_ = -1;
  bool in_place_ = false;
  bool first_ = true;
  std::set<std::string> known_;
};

}  // namespace

Result<std::unique_ptr<RunningGuests>> RunningGuests::open(const std::string& directory) {
  const int inotify = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (inotify < 0) return fail(ErrorKind::Kernel, fmt::format("cannot watch {}: {}", directory, std::strerror(errno)));
  return std::make_unique<WatchedGuests>(directory, inotify);
}

}  // namespace nwf::host
