// SPDX-License-Identifier: GPL-2.0-or-later
// The one place where kinds of failure become exit codes and names.
#pragma once

#include <string_view>

#include "engine/error.h"

namespace nwf::tools {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotFound = 3;
inline constexpr int kExitRefused = 4;
inline constexpr int kExitWouldChange = 10;  ///< plan: there is something to do

constexpr int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::NotFound:
      return kExitNotFound;
    case ErrorKind::Refused:
      return kExitRefused;
    case ErrorKind::Invalid:
    case ErrorKind::Denied:
    case ErrorKind::Unsupported:
    case ErrorKind::Outdated:
    case ErrorKind::Storage:
    case ErrorKind::Kernel:
      return kExitFailed;
  }
  return kExitFailed;
}

/// The kind's name in JSON.
constexpr std::string_view kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Invalid:
      return "invalid";
    case ErrorKind::NotFound:
      return "not-found";
    case ErrorKind::Refused:
      return "refused";
    case ErrorKind::Denied:
      return "denied";
    case ErrorKind::Unsupported:
      return "unsupported";
    case ErrorKind::Outdated:
      return "outdated";
    case ErrorKind::Storage:
      return "storage";
    case ErrorKind::Kernel:
      return "kernel";
  }
  return "unknown";
}

}  // namespace nwf::tools
