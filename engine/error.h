// SPDX-License-Identifier: GPL-2.0-or-later
// What went wrong, as a value: which kind of failure, on which object, at which place, and what to do.
//
// Every operation that can fail returns Result<T>. Exceptions do not cross a folder's border; code
// that calls a throwing library catches there and returns an Error. `assert` is for our own bugs.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace nwf {

/// What a caller can do about a failure. Mapped in one place each to exit codes (tools), later to RPC
/// and C API codes.
enum class ErrorKind {
  Invalid,      ///< The input is wrong: text, value, name. Nothing was changed.
  NotFound,     ///< No such filter, binding or port.
  Refused,      ///< Well formed, but not allowed now: in use, cycle, name or UUID conflict.
  Denied,       ///< Permission: not root, no CAP_NET_ADMIN, file mode.
  Unsupported,  ///< This kernel (or build) lacks what the request needs.
  Outdated,     ///< Somebody else changed the kernel's ruleset meanwhile: read again and retry.
  Storage,      ///< A file could not be read or written.
  Kernel,       ///< The kernel refused a transaction for another reason.
};

/// A place in a text. Line and column start at 1; 0 means unknown.
struct Source {
  std::string file;
  int line = 0;
  int column = 0;

  friend bool operator==(const Source&, const Source&) = default;
};

/// One failure, with the further mistakes found in the same input.
struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::Invalid;
  std::string message;           ///< What failed and on which of the user's objects; no final full stop.
  Source where = {};             ///< Where in the user's text, when there is one.
  std::string remedy = {};       ///< What would be right, or what to do next; may be empty.
  std::vector<Error> more = {};  ///< Further mistakes of the same input, in the order of the text.

  /// The same error with a place, unless it has one already.
  Error at(const Source& place) && {
    if (where.line == 0) where = place;
    return std::move(*this);
  }
  /// The same error with `prefix: ` before its message.
  Error in(std::string_view prefix) && {
    message = std::string(prefix) + ": " + message;
    return std::move(*this);
  }
};

template <class T>
using Result = tl::expected<T, Error>;

/// `file:line:column: message` and, when there is one, `; remedy`, for this error alone.
std::string describe(const Error& error);
/// describe() of the error and of all of error.more, one line each.
std::string describe_all(const Error& error);

/// Shorthand for the unexpected value of a Result.
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }
inline tl::unexpected<Error> fail(ErrorKind kind, std::string message, std::string remedy = {}) {
  return tl::unexpected<Error>(Error{kind, std::move(message), {}, std::move(remedy), {}});
}

}  // namespace nwf

#define NWF_JOIN2(a, b) a##b
#define NWF_JOIN(a, b) NWF_JOIN2(a, b)

/// `NWF_TRY(auto tree, parse(text));`: declares `tree` with the value, or returns the error.
#define NWF_TRY(declaration, expression)                                                                        \
  auto NWF_JOIN(nwf_result_, __LINE__) = (expression);                                                          \
  if (!NWF_JOIN(nwf_result_, __LINE__)) return ::nwf::fail(std::move(NWF_JOIN(nwf_result_, __LINE__)).error()); \
  declaration = *std::move(NWF_JOIN(nwf_result_, __LINE__)) /* NOLINT(bugprone-macro-parentheses) */

/// The same for Result<void>, or when the value is not wanted.
#define NWF_CHECK(expression)                                                       \
  do {                                                                              \
    auto nwf_check_result = (expression);                                           \
    if (!nwf_check_result) return ::nwf::fail(std::move(nwf_check_result).error()); \
  } while (false)
