// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfd/sandbox.h"

#include <cap-ng.h>
#include <fmt/format.h>
#include <seccomp.h>
#include <sys/prctl.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace nwf::tools {
namespace {

/// What an event loop over sockets and files needs. A call that is not here fails with EPERM: an old libc, or a new
/// one, then takes another way, or an operation fails with a message, and the daemon lives.
constexpr const char* kAllowed[] = {
    // memory
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "membarrier",
    // files: the store, /proc, the journal
    "openat", "open", "close", "close_range", "read", "pread64", "readv", "write", "pwrite64", "writev", "lseek",
    "fsync", "fdatasync", "syncfs", "ftruncate", "flock", "fcntl", "fstat", "stat", "lstat", "newfstatat", "statx",
    "statfs", "fstatfs", "access", "faccessat", "faccessat2", "getdents64", "mkdir", "mkdirat", "rename", "renameat",
    "renameat2", "unlink", "unlinkat", "rmdir", "chmod", "fchmod", "fchmodat", "umask", "readlink", "readlinkat",
    "getcwd", "dup", "dup2", "dup3", "pipe2", "memfd_create", "ioctl", "inotify_init1", "inotify_add_watch",
    "inotify_rm_watch", "copy_file_range",
    // sockets
    "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "shutdown", "getsockname", "getpeername",
    "getsockopt", "setsockopt", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg",
    // waiting, time and chance
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect6",
    "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_gettime", "signalfd4", "clock_gettime", "clock_getres",
    "clock_nanosleep", "nanosleep", "gettimeofday", "time", "getrandom", "sched_yield", "futex", "restart_syscall",
    // itself
    "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getgroups", "getresuid", "getresgid",
    "getrusage", "sysinfo", "uname", "prlimit64", "getrlimit", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "rt_sigtimedwait", "sigaltstack", "tgkill", "exit", "exit_group", "rseq", "set_robust_list", "arch_prctl", "capget",
    "sched_getaffinity", "wait4", "waitid"};
/// Nobody asks for these by mistake.
constexpr const char* kDeadly[] = {"execve", "execveat", "ptrace", "init_module", "finit_module", "kexec_load"};

Result<void> drop_capabilities() {
  // Without CAP_SETPCAP the bounding set is what systemd left of it.
  capng_get_caps_process();
  const bool whole = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 1;
  const capng_select_t select = whole ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS;
  capng_clear(select);
  const int sets = CAPNG_EFFECTIVE | CAPNG_PERMITTED | (whole ? CAPNG_BOUNDING_SET : 0);
  if (capng_updatev(CAPNG_ADD, static_cast<capng_type_t>(sets), CAP_NET_ADMIN, CAP_NET_RAW, -1) != 0 ||
      capng_apply(select) != 0)
    return fail(ErrorKind::Denied, "cannot give up capabilities", "start nwfd as root");
  return {};
}

struct Release {
  void operator()(void* filter) const noexcept { seccomp_release(filter); }
};

Result<void> filter_calls() {
  const std::unique_ptr<void, Release> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (filter == nullptr) return fail(ErrorKind::Unsupported, "cannot make a seccomp filter", "use --no-sandbox");
  const auto rule = [&](std::uint32_t action, const char* name) {
    const int call = seccomp_syscall_resolve_name(name);
    // A call that this architecture does not have need not be allowed.
    return call == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter.get(), action, call, 0);
  };
  int r = 0;
  for (const char* name : kAllowed)
    if (r == 0) r = rule(SCMP_ACT_ALLOW, name);
  for (const char* name : kDeadly)
    if (r == 0) r = rule(SCMP_ACT_KILL_PROCESS, name);
  if (r == 0) r = seccomp_load(filter.get());
  if (r != 0)
    return fail(ErrorKind::Unsupported, fmt::format("cannot load the seccomp filter: {}", std::strerror(-r)),
                "use --no-sandbox");
  return {};
}

}  // namespace

Result<void> enter_sandbox() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail(ErrorKind::Unsupported, fmt::format("cannot give up new privileges: {}", std::strerror(errno)));
  NWF_CHECK(drop_capabilities());
  return filter_calls();
}

}  // namespace nwf::tools
