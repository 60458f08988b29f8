// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/error.h"

#include <fmt/format.h>

#include <cstring>

#include "rpc/names.h"
#include "rpc/shapes.h"

namespace nwf::rpc {

int reply_error(sd_bus_message* call, const Error& error) {
  std::string name = kErrorPrefix;
  for (const auto& [kind, text] : Names<ErrorKind>::kNames)
    if (kind == error.kind) name += text;
  const std::string message = printable_utf8(describe_all(error));
  const sd_bus_error about{name.c_str(), message.c_str(), 0};
  sd_bus_message* made = nullptr;
  int r = sd_bus_message_new_method_error(call, &made, &about);
  const Message reply(made);
  if (r >= 0) r = Wire<Error>::put(reply.get(), error);
  if (r >= 0) r = sd_bus_send(nullptr, reply.get(), nullptr);
  return r;
}

Error read_error(sd_bus_message* reply) {
  const sd_bus_error* about = sd_bus_message_get_error(reply);
  Error error{
      ErrorKind::Kernel, about != nullptr && about->message != nullptr ? about->message : "no answer", {}, {}, {}};
  if (about == nullptr || about->name == nullptr) return error;
  if (std::string_view(about->name).starts_with(kErrorPrefix)) {
    Error whole;
    if (sd_bus_message_skip(reply, "s") >= 0 && Wire<Error>::take(reply, whole) >= 0) return whole;
  }
  if (sd_bus_error_has_name(about, SD_BUS_ERROR_UNKNOWN_METHOD) != 0)
    error = {ErrorKind::Unsupported,
             fmt::format("the nwfd that runs does not know this: {}", error.message),
             {},
             "restart nwfd, so that it is of nwfctl's release",
             {}};
  if (sd_bus_error_has_name(about, SD_BUS_ERROR_ACCESS_DENIED) != 0) error.kind = ErrorKind::Denied;
  if (sd_bus_error_has_name(about, SD_BUS_ERROR_NO_REPLY) != 0) return no_answer();
  return error;
}

Error no_answer() {
  return {ErrorKind::Outdated,
          "nwfd ended, or did not answer, before it said what it did",
          {},
          "see `nwfctl status`, and try again",
          {}};
}

Error bus_error(int result, const std::string& what) {
  const int code = result < 0 ? -result : result;
  const bool denied = code == EPERM || code == EACCES;
  return {denied ? ErrorKind::Denied : ErrorKind::Kernel, fmt::format("{}: {}", what, std::strerror(code)), {}, {}, {}};
}

}  // namespace nwf::rpc
