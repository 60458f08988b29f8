// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/dnsmasq.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <map>

#include "engine/network/dnsmasq_conf.h"
#include "store/write_file.h"

namespace nwf::host {
namespace {

constexpr int kPatienceMs = 2000;
constexpr std::array<const char*, 3> kPrograms{"/usr/sbin/dnsmasq", "/usr/local/sbin/dnsmasq", "/sbin/dnsmasq"};

/// The whole file, or empty when there is none that can be read.
std::string text_of(const std::string& path) {
  const store::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> buffer{};
  while (file) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

Result<void> put_file(const std::string& directory, const std::string& name, const std::string& text) {
  NWF_TRY(store::Descriptor open, store::open_directory_fd(directory, true));
  NWF_TRY(const auto prepared, store::prepare_file(std::move(open), directory, name, text));
  NWF_CHECK(prepared->commit());
  // dnsmasq reads what may change as a user of its own.
  const std::string path = directory + "/" + name;
  if (::chmod(path.c_str(), 0644) != 0)
    return fail(ErrorKind::Storage, fmt::format("cannot make {} readable: {}", path, std::strerror(errno)));
  return {};
}

/// Makes the directory hold just these files. True when one went or changed: dnsmasq notices only new ones by itself.
Result<bool> put_files(const std::string& directory, const std::map<std::string, std::string>& files) {
  NWF_CHECK(store::open_directory_fd(directory, true));
  bool changed = false;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    const std::string name = entry.path().filename();
    if (files.contains(name)) continue;
    changed |= !store::is_temporary(name);
    std::filesystem::remove(entry.path(), failed);
  }
  for (const auto& [name, text] : files) {
    const std::string path = fmt::format("{}/{}", directory, name);
    const std::string before = text_of(path);
    if (before == text) continue;
    changed |= !before.empty();
    NWF_CHECK(put_file(directory, name, text));
  }
  return changed;
}

bool ends_within(int handle, int patience_ms) {
  pollfd waiting{handle, POLLIN, 0};
  int code = 0;
  do code = ::poll(&waiting, 1, patience_ms);
  while (code < 0 && errno == EINTR);
  return code > 0;
}

void send_signal(int handle, int signal) { ::syscall(SYS_pidfd_send_signal, handle, signal, nullptr, 0); }

}  // namespace

Dnsmasq::Dnsmasq(const std::string& root, const std::string& network)
    : directory_(fmt::format("{}/run/nwf/dnsmasq/{}", root, network)),
      leases_(fmt::format("{}/var/lib/nwf/dnsmasq/{}.leases", root, network)) {}

store::Descriptor Dnsmasq::process() const {
  auto found = find();
  return found ? std::move(found->handle) : store::Descriptor();
}

bool Dnsmasq::has_ended(const store::Descriptor& process) { return ends_within(process.get(), 0); }

std::optional<Dnsmasq::Process> Dnsmasq::process_of(int pid) const {
  // First a hold on the process, then a look at who it is: its number cannot become another's in between.
  store::Descriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!handle) return std::nullopt;
  const std::string words = text_of(fmt::format("/proc/{}/cmdline", pid));
  const std::string ours = fmt::format("--conf-file={}/conf", directory_);
  if (words.find(ours + '\0') == std::string::npos || ends_within(handle.get(), 0)) return std::nullopt;
  // The same path means another file in a container, whose processes are seen from outside.
  std::error_code failed;
  if (!std::filesystem::equivalent(fmt::format("/proc/{}/ns/net", pid), "/proc/self/ns/net", failed))
    return std::nullopt;
  return Process{pid, std::move(handle)};
}

std::optional<Dnsmasq::Process> Dnsmasq::find() const {
  const auto number = [](std::string_view text) {
    int pid = 0;
    std::from_chars(text.data(), text.data() + text.size(), pid);
    return pid;
  };
  if (const int pid = number(text_of(directory_ + "/pid")); pid > 0)
    if (auto process = process_of(pid)) return process;
  // One that was just started has not written its number yet; but its words are there before it is, and go after it.
  if (::access((directory_ + "/conf").c_str(), F_OK) != 0) return std::nullopt;
  const std::unique_ptr<DIR, int (*)(DIR*)> all(::opendir("/proc"), &::closedir);
  while (all != nullptr) {
    const dirent* entry = ::readdir(all.get());
    if (entry == nullptr) break;
    if (const int pid = number(entry->d_name); pid > 0)
      if (auto process = process_of(pid)) return process;
  }
  return std::nullopt;
}

Result<void> Dnsmasq::start() const {
  const auto* program =
      std::find_if(kPrograms.begin(), kPrograms.end(), [](const char* path) { return ::access(path, X_OK) == 0; });
  if (program == kPrograms.end())
    return fail(ErrorKind::Unsupported, "dnsmasq is not installed", "install it: apt-get install dnsmasq-base");
  const store::Descriptor words(::memfd_create("dnsmasq's words", MFD_CLOEXEC));
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, words.get(), STDERR_FILENO);
  sigset_t none, every;
  sigemptyset(&none);
  sigfillset(&every);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &every);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string name = "dnsmasq", conf = fmt::format("--conf-file={}/conf", directory_);
  std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale = "LC_ALL=C";
  std::array<char*, 3> arguments{name.data(), conf.data(), nullptr};
  std::array<char*, 3> environment{path.data(), locale.data(), nullptr};
  pid_t child = 0;
  const int code = ::posix_spawn(&child, *program, &actions, &attributes, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (code != 0) return fail(ErrorKind::Kernel, fmt::format("cannot start {}: {}", *program, std::strerror(code)));
  // The child ends when the process it left behind serves, or could not.
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return fail(ErrorKind::Kernel, fmt::format("cannot wait for dnsmasq: {}", std::strerror(errno)));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  std::string said = text_of(fmt::format("/proc/self/fd/{}", words.get()));
  while (!said.empty() && said.back() == '\n') said.pop_back();
  const std::string how = WIFSIGNALED(status) ? fmt::format("signal {} ended it", WTERMSIG(status))
                                              : fmt::format("it says nothing, with exit code {}", WEXITSTATUS(status));
  return fail(ErrorKind::Refused,
              fmt::format("dnsmasq does not start: {}", said.empty() ? how : said.substr(said.rfind('\n') + 1)),
              "see what else serves DNS or DHCP on this host: `ss -lunp`");
}

Result<void> Dnsmasq::end(const Process& process) const {
  send_signal(process.handle.get(), SIGTERM);
  if (ends_within(process.handle.get(), kPatienceMs)) return {};
  send_signal(process.handle.get(), SIGKILL);
  if (ends_within(process.handle.get(), kPatienceMs)) return {};
  return fail(ErrorKind::Kernel, fmt::format("dnsmasq, process {}, does not end", process.pid));
}

Result<void> Dnsmasq::run(const Network& network) {
  if (!needs_dnsmasq(network)) return stop();
  NWF_TRY(const DnsmasqFiles files,
          dnsmasq_files(network, {directory_ + "/hosts", directory_ + "/names", leases_, directory_ + "/pid"}));
  NWF_CHECK(store::open_directory_fd(leases_.substr(0, leases_.rfind('/')), true));
  NWF_TRY(const bool hosts_changed, put_files(directory_ + "/hosts", files.dhcp_hosts));
  NWF_TRY(const bool names_changed, put_files(directory_ + "/names", files.names));
  if (const auto process = find()) {
    if (text_of(directory_ + "/conf") == files.conf) {
      if (hosts_changed || names_changed) send_signal(process->handle.get(), SIGHUP);
      return {};
    }
    // Ended before the file is another: after a crash in between, whoever looks finds none running.
    NWF_CHECK(end(*process));
  }
  NWF_CHECK(put_file(directory_, "conf", files.conf));
  return start();
}

Result<void> Dnsmasq::stop() {
  if (const auto process = find()) NWF_CHECK(end(*process));
  std::error_code failed;
  std::filesystem::remove_all(directory_, failed);
  if (failed) return fail(ErrorKind::Storage, fmt::format("cannot remove {}: {}", directory_, failed.message()));
  return {};
}

Result<std::vector<Lease>> Dnsmasq::leases() const { return parse_leases(text_of(leases_)); }

void Dnsmasq::forget_leases() const { ::unlink(leases_.c_str()); }

}  // namespace nwf::host
