// SPDX-License-Identifier: GPL-2.0-or-later
// Calls about the connection itself.
#include "rpc/libvirt/answers.h"
#include "rpc/libvirt/session.h"

namespace nwf::rpc::libvirt {
namespace {

constexpr std::string_view kScheme = "nwfilter";
constexpr std::string_view kUri = "nwfilter:///system";
/// REMOTE_CONNECT_IDENTITY_PARAMS_MAX
constexpr std::uint32_t kMaxIdentity = 20;

/// Why this service is not what a client asks for by this name; empty when it is.
tl::expected<void, Fault> check_uri(const std::string& name) {
  if (name.empty() || name == kUri) return {};
  if (!name.starts_with(std::string(kScheme) + ":")) return refused(Code::NoConnect, name);
  return refused(Code::InternalError, fmt::format("unexpected nwfilter URI '{}', try {}", name, kUri));
}

}  // namespace

tl::expected<XdrWriter, Fault> Session::answer_connection(Procedure procedure, XdrReader& arguments) {
  XdrWriter out;
  switch (procedure) {
    case Procedure::AuthList:
      if (!arguments.complete()) return not_understood();
      // Who may connect is decided by the socket's owner and mode.
      out.word(1);
      out.integer(kAuthNone);
      return out;
    case Procedure::ConnectOpen: {
      const auto name = arguments.optional_text(kMaxString);
      const std::uint32_t flags = arguments.word();
      if (!arguments.complete()) return not_understood();
      if (open_) return refused(Code::InternalError, "connection already open", Domain::Rpc);
      if (const auto right = check_uri(name.value_or("")); !right) return tl::unexpected<Fault>(right.error());
      if ((flags & kOpenReadOnly) != 0) access_ = Access::ReadOnly;
      open_ = true;
      return out;
    }
    case Procedure::ConnectClose:
      if (!arguments.complete()) return not_understood();
      ended_ = true;
      return out;
    case Procedure::ConnectSupportsFeature: {
      const std::int32_t feature = arguments.integer();
      if (!arguments.complete()) return not_understood();
      out.integer(feature == kFeatureKeepAlive ? 1 : 0);
      return out;
    }
    case Procedure::ConnectGetType:
      if (!arguments.complete()) return not_understood();
      out.text(kScheme);
      return out;
    case Procedure::ConnectGetUri:
      if (!arguments.complete()) return not_understood();
      out.text(kUri);
      return out;
    case Procedure::ConnectGetLibVersion:
      if (!arguments.complete()) return not_understood();
      out.long_word(kLibraryVersion);
      return out;
    case Procedure::ConnectSetIdentity:
      // A libvirt daemon tells for whom it acts. Here all who may write may do the same, so it is not kept.
      if (arguments.word() > kMaxIdentity || !arguments.good()) return not_understood();
      arguments.skip_rest();
      return out;
    default:
      return not_understood();
  }
}

}  // namespace nwf::rpc::libvirt
