// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fault/killed_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "store/descriptor.h"

namespace nwf::test {
namespace {

using store::Descriptor;

tl::unexpected<Error> failed(const std::string& what) {
  return fail(ErrorKind::Kernel, fmt::format("{}: {}", what, std::strerror(errno)));
}

struct ChangingCall {
  std::uint64_t number;
  const char* name;
};
constexpr ChangingCall kChangingCalls[] = {
    {SYS_write, "write"},         {SYS_pwrite64, "pwrite"},     {SYS_writev, "writev"},
    {SYS_sendto, "sendto"},       {SYS_sendmsg, "sendmsg"},     {SYS_rename, "rename"},
    {SYS_renameat, "renameat"},   {SYS_renameat2, "renameat2"}, {SYS_fsync, "fsync"},
    {SYS_fdatasync, "fdatasync"}, {SYS_unlink, "unlink"},       {SYS_unlinkat, "unlinkat"},
    {SYS_ftruncate, "ftruncate"}, {SYS_mkdir, "mkdir"},         {SYS_mkdirat, "mkdirat"},
    {SYS_rmdir, "rmdir"},         {SYS_link, "link"},           {SYS_linkat, "linkat"},
};

/// Nothing when the call changes nothing.
const char* changing(const __ptrace_syscall_info& info) {
  for (const ChangingCall& call : kChangingCalls)
    if (call.number == info.entry.nr) return call.name;
  const bool creates = (info.entry.nr == SYS_openat && (info.entry.args[2] & O_CREAT) != 0) ||
                       (info.entry.nr == SYS_open && (info.entry.args[1] & O_CREAT) != 0);
  return creates ? "open to create" : nullptr;
}

/// A program started, with what it says going to files of no name, so that a killed one still has said it.
class Started {
 public:
  static Result<Started> start(const RunAs& run, bool traced) {
    Started started;
    started.out_ = Descriptor(open("/mnt", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    started.err_ = Descriptor(open("/mnt", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!started.out_ || !started.err_) return failed("cannot make a file for the output");
    std::vector<std::string> words = run.argv, settings = run.environment;
    for (char** setting = environ; *setting != nullptr; ++setting) settings.emplace_back(*setting);
    const auto pointers = [](std::vector<std::string>& texts) {
      std::vector<char*> all;
      for (std::string& text : texts) all.push_back(text.data());
      all.push_back(nullptr);
      return all;
    };
    const auto argv = pointers(words), environment = pointers(settings);
    started.child_ = fork();
    if (started.child_ < 0) return failed("cannot fork");
    if (started.child_ == 0) {
      dup2(started.out_.get(), STDOUT_FILENO);
      dup2(started.err_.get(), STDERR_FILENO);
      if (run.user && (setgroups(0, nullptr) != 0 || setgid(*run.user) != 0 || setuid(*run.user) != 0)) _exit(126);
      if (traced) ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      execve(argv[0], argv.data(), environment.data());
      _exit(127);
    }
    return started;
  }

  Started(Started&& other) noexcept
      : child_(std::exchange(other.child_, -1)), out_(std::move(other.out_)), err_(std::move(other.err_)) {}
  Started& operator=(Started&&) = delete;
  ~Started() {
    if (child_ <= 0) return;
    kill();
    (void)wait();
  }

  pid_t child() const { return child_; }
  void kill() const { ::kill(child_, SIGKILL); }
  /// The next thing that happens to it.
  Result<int> wait() {
    int status = 0;
    while (waitpid(child_, &status, 0) < 0)
      if (errno != EINTR) return failed("cannot wait for the program");
    if (!WIFSTOPPED(status)) child_ = -1;
    return status;
  }
  /// Waits for its end.
  Result<KilledRun> end() {
    int status = 0;
    do {
      NWF_TRY(status, wait());
    } while (WIFSTOPPED(status));
    return ended(status);
  }
  KilledRun ended(int status) const {
    KilledRun result;
    result.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result.out = text_of(out_);
    result.err = text_of(err_);
    return result;
  }

 private:
  Started() = default;
  static std::string text_of(const Descriptor& file) {
    std::string text;
    std::array<char, 4096> buffer{};
    for (off_t at = 0;;) {
      const ssize_t got = pread(file.get(), buffer.data(), buffer.size(), at);
      if (got <= 0) return text;
      text.append(buffer.data(), static_cast<std::size_t>(got));
      at += got;
    }
  }

  pid_t child_ = -1;
  Descriptor out_;
  Descriptor err_;
};

}  // namespace

Result<KilledRun> run_and_kill_at(const RunAs& run, const KillPoint& point) {
  NWF_TRY(Started started, Started::start(run, true));
  NWF_TRY(int status, started.wait());  // stopped by its own exec
  if (!WIFSTOPPED(status)) return started.ended(status);
  constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SETOPTIONS, started.child(), nullptr, kOptions) != 0) return failed("cannot trace");
  std::size_t begun = 0;
  const char* here = nullptr;  // the call at whose end it is to be killed
  int signal = 0;
  while (true) {
    if (ptrace(PTRACE_SYSCALL, started.child(), nullptr, signal) != 0) return failed("cannot go on");
    signal = 0;
    NWF_TRY(status, started.wait());
    if (!WIFSTOPPED(status)) break;
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
      signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
      continue;
    }
    __ptrace_syscall_info info{};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, started.child(), sizeof info, &info) < 0) return failed("cannot see the call");
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      const char* name = changing(info);
      if (name == nullptr || begun++ != point.call) continue;
      here = name;
      if (point.done) continue;
    } else if (here == nullptr) {
      continue;
    }
    started.kill();
    NWF_TRY(KilledRun killed, started.end());
    killed.at = here;
    killed.calls = begun;
    return killed;
  }
  KilledRun ended = started.ended(status);
  ended.calls = begun;
  return ended;
}

Result<KilledRun> run_and_kill_after(const RunAs& run, std::chrono::microseconds time) {
  NWF_TRY(Started started, Started::start(run, false));
  std::this_thread::sleep_for(time);
  started.kill();
  return started.end();
}

Result<KilledRun> run_to_the_end(const RunAs& run) {
  NWF_TRY(Started started, Started::start(run, false));
  return started.end();
}

}  // namespace nwf::test
