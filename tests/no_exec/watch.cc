// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a program and ends it at its first attempt to start another: execve beyond the first, fork, vfork, or a clone
// that is not a thread. Exit code of the program; 99 when it tried.
//
//   no-exec-watch PROGRAM [ARGUMENT…]
#include <linux/sched.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace {

constexpr int kCaught = 99;

/// Stops at every event that makes a process or replaces a program. PTRACE_EVENT_CLONE comes for threads as well:
/// those are told apart by the clone flags.
int watch(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);  // stopped by its own exec
  constexpr long kOptions =
      PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SETOPTIONS, child, nullptr, kOptions) != 0) {
    std::perror("no-exec-watch: ptrace");
    return 98;
  }
  ptrace(PTRACE_CONT, child, nullptr, nullptr);
  while (true) {
    const pid_t who = waitpid(-1, &status, __WALL);
    if (who < 0) return 98;
    if (WIFEXITED(status)) {
      if (who == child) return WEXITSTATUS(status);
      continue;
    }
    if (WIFSIGNALED(status)) {
      if (who == child) return 128 + WTERMSIG(status);
      continue;
    }
    const int event = status >> 16;
    const bool process = event == PTRACE_EVENT_EXEC || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK;
    bool clone_process = false;
    if (event == PTRACE_EVENT_CLONE) {
      user_regs_struct registers{};
      ptrace(PTRACE_GETREGS, who, nullptr, &registers);
      // clone(flags, …): x86-64 passes the flags first; clone3 passes a structure and is not used for threads by this
      // libc.
      clone_process = registers.orig_rax != SYS_clone || (registers.rdi & CLONE_THREAD) == 0;
    }
    if (process || clone_process) {
      std::fprintf(stderr, "no-exec-watch: the program started a process (ptrace event %d)\n", event);
      kill(child, SIGKILL);
      return kCaught;
    }
    const int signal = WSTOPSIG(status);
    ptrace(PTRACE_CONT, who, nullptr,
           signal == SIGTRAP || signal == SIGSTOP ? nullptr : reinterpret_cast<void*>(static_cast<long>(signal)));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 98;
  const pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    execv(argv[1], argv + 1);
    std::fprintf(stderr, "no-exec-watch: %s: %s\n", argv[1], std::strerror(errno));
    _exit(127);
  }
  return watch(child);
}
