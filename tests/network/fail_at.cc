// SPDX-License-Identifier: GPL-2.0-or-later
// Preloaded into nwfctl: lets the Nth call that changes something fail, or end the program.
//
//   NWF_FAIL_AT=N       which call, from 1
//   NWF_FAIL_HOW=error  it fails with EIO; kill: SIGKILL instead of the call
//   NWF_FAIL_HIT=FILE   made when it came to that
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>

namespace {

int calls = 0;

template <class F>
F real(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

int real_open(const char* path, int flags, mode_t mode) {
  return real<int (*)(const char*, int, ...)>("open")(path, flags, mode);
}

/// True when this call has to fail.
bool due() {
  const char* at = std::getenv("NWF_FAIL_AT");
  if (at == nullptr || ++calls != std::atoi(at)) return false;
  if (const char* hit = std::getenv("NWF_FAIL_HIT")) {
    const int fd = real_open(hit, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
  }
  const char* how = std::getenv("NWF_FAIL_HOW");
  if (how != nullptr && std::strcmp(how, "kill") == 0) kill(getpid(), SIGKILL);
  errno = EIO;
  return true;
}

}  // namespace

extern "C" {

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  if (due()) return -1;
  return real<ssize_t (*)(int, const msghdr*, int)>("sendmsg")(fd, message, flags);
}

ssize_t sendto(int fd, const void* data, size_t size, int flags, const sockaddr* to, socklen_t length) {
  if (due()) return -1;
  return real<ssize_t (*)(int, const void*, size_t, int, const sockaddr*, socklen_t)>("sendto")(fd, data, size, flags,
                                                                                                to, length);
}

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = va_arg(more, mode_t);
  va_end(more);
  if ((flags & O_ACCMODE) != O_RDONLY && due()) return -1;
  return real_open(path, flags, mode);
}

int openat(int directory, const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = va_arg(more, mode_t);
  va_end(more);
  if ((flags & O_ACCMODE) != O_RDONLY && due()) return -1;
  return real<int (*)(int, const char*, int, ...)>("openat")(directory, path, flags, mode);
}

int renameat(int from, const char* a, int to, const char* b) noexcept {
  if (due()) return -1;
  return real<int (*)(int, const char*, int, const char*)>("renameat")(from, a, to, b);
}

int rename(const char* from, const char* to) noexcept {
  if (due()) return -1;
  return real<int (*)(const char*, const char*)>("rename")(from, to);
}

int unlinkat(int directory, const char* path, int flags) noexcept {
  if (due()) return -1;
  return real<int (*)(int, const char*, int)>("unlinkat")(directory, path, flags);
}

int posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const* arguments, char* const* environment) {
  if (due()) return EIO;
  return real<int (*)(pid_t*, const char*, const posix_spawn_file_actions_t*, const posix_spawnattr_t*, char* const*,
                      char* const*)>("posix_spawn")(pid, path, actions, attributes, arguments, environment);
}

int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list more;
  va_start(more, request);
  void* argument = va_arg(more, void*);
  va_end(more);
  if (due()) return -1;
  return real<int (*)(int, unsigned long, void*)>("ioctl")(fd, request, argument);
}
}
