// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/libvirt/fault.h"

#include <algorithm>
#include <string_view>

namespace nwf::rpc::libvirt {
namespace {

/// VIR_ERR_ERROR of virErrorLevel
constexpr std::int32_t kLevelError = 2;

/// What clients print before the detail, and compare with: src/util/virerror.c. Where it is empty the detail is all.
std::string_view words_of(Code code) {
  switch (code) {
    case Code::InternalError:
      return "internal error";
    case Code::NoSupport:
      return "this function is not supported by the connection driver";
    case Code::NoConnect:
      return "no connection driver available for";
    case Code::InvalidConnection:
      return "invalid connection pointer in";
    case Code::InvalidArgument:
      return "invalid argument";
    case Code::OperationFailed:
      return "operation failed";
    case Code::XmlError:
      return "XML error";
    case Code::OperationDenied:
      return "operation forbidden";
    case Code::SystemError:
    case Code::Rpc:
      return "";
    case Code::OperationInvalid:
      return "Requested operation is not valid";
    case Code::NoFilter:
      return "Network filter not found";
    case Code::BuildFirewall:
      return "Error while building firewall";
    case Code::ConfigUnsupported:
      return "unsupported configuration";
    case Code::AccessDenied:
      return "access denied";
    case Code::NoBinding:
      return "Network filter binding not found";
  }
  return "";
}

/// What stands between the words and the detail.
std::string_view joint_of(Code code) {
  if (words_of(code).empty()) return "";
  return code == Code::NoConnect || code == Code::InvalidConnection ? " " : ": ";
}

Code code_of(ErrorKind kind, Subject subject) {
  switch (kind) {
    case ErrorKind::Invalid:
      return Code::XmlError;
    case ErrorKind::NotFound:
      return subject == Subject::Filter ? Code::NoFilter : Code::NoBinding;
    case ErrorKind::Refused:
      return Code::OperationFailed;
    case ErrorKind::Denied:
      return Code::AccessDenied;
    case ErrorKind::Unsupported:
      return Code::ConfigUnsupported;
    case ErrorKind::Storage:
      return Code::SystemError;
    case ErrorKind::Outdated:
    case ErrorKind::Kernel:
      return Code::BuildFirewall;
  }
  return Code::InternalError;
}

}  // namespace

Fault fault_of(const Error& error, Subject subject) {
  std::string detail = describe_all(error);
  // A message is a paragraph there; where the text is long, its first mistakes say enough.
  constexpr std::size_t kLongest = 4000;
  if (detail.size() > kLongest) detail.resize(std::min(detail.rfind('\n', kLongest), detail.size()));
  while (!detail.empty() && detail.back() == '\n') detail.pop_back();
  return {code_of(error.kind, subject), Domain::NwFilter, std::move(detail)};
}

std::string message_of(const Fault& fault) {
  if (fault.detail.empty()) return std::string(words_of(fault.code));
  return std::string(words_of(fault.code)) + std::string(joint_of(fault.code)) + fault.detail;
}

void write_fault(const Fault& fault, XdrWriter& out) {
  const std::string message = message_of(fault);
  out.integer(static_cast<std::int32_t>(fault.code));
  out.integer(static_cast<std::int32_t>(fault.domain));
  out.optional_text(message);
  out.integer(kLevelError);
  out.optional_text(std::nullopt);  // a domain that it is about
  // As libvirt's own: the form of the message, and what was put into it.
  out.optional_text(std::string(words_of(fault.code)) + std::string(joint_of(fault.code)) + "%s");
  out.optional_text(fault.detail);
  out.optional_text(std::nullopt);
  out.integer(-1);
  out.integer(-1);
  out.optional_text(std::nullopt);  // a network
}

}  // namespace nwf::rpc::libvirt
