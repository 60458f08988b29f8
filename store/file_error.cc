// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/file_error.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace nwf::store {
namespace {

struct Advice {
  int code;
  ErrorKind kind;
  const char* remedy;
};

// What an administrator can do about it. Codes without a row are told as the system words them.
constexpr Advice kAdvice[] = {
    {EACCES, ErrorKind::Denied, "run as root, or work below a directory of your own with --root DIR"},
    {EPERM, ErrorKind::Denied, "run as root, or work below a directory of your own with --root DIR"},
    {EROFS, ErrorKind::Storage,
     "its file system is read-only: mount it read-write, or use another one with --root DIR"},
    {ENOSPC, ErrorKind::Storage, "free space on its file system and try again"},
    {EDQUOT, ErrorKind::Storage, "the disk quota is used up: free space and try again"},
    {EIO, ErrorKind::Storage, "the disk reports an error: see the kernel's log"},
    {EMFILE, ErrorKind::Storage, "raise the limit of open files (ulimit -n)"},
    {ENOTDIR, ErrorKind::Storage, "a part of the path is a file where a directory should be: move it away"},
    {EISDIR, ErrorKind::Storage, "a directory has the name of a document: move it away"},
    {ELOOP, ErrorKind::Storage, "symbolic links are not followed here: put the file itself in this place"},
};

}  // namespace

Error file_error(int code, const std::string& doing, const std::string& path) {
  Error error{ErrorKind::Storage, fmt::format("cannot {} {}: {}", doing, path, std::generic_category().message(code))};
  for (const Advice& advice : kAdvice) {
    if (advice.code != code) continue;
    error.kind = advice.kind;
    error.remedy = advice.remedy;
  }
  return error;
}

}  // namespace nwf::store
