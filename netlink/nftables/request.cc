// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/request.h"

#include <fmt/format.h>
#include <libnftnl/common.h>

#include <cerrno>
#include <cstring>

namespace nwf::netlink {
namespace {

tl::unexpected<Error> read_failed(int error) {
  if (error == EPERM || error == EACCES)
    return fail(ErrorKind::Denied, "not permitted to read this host's nf_tables rules",
                "run as root, or with CAP_NET_ADMIN");
  if (error == EINTR || error == ENOENT) return changed_meanwhile();
  if (error == EOPNOTSUPP || error == EPROTONOSUPPORT || error == EINVAL)
    return fail(ErrorKind::Unsupported, "this kernel has no nf_tables", "load the module nf_tables");
  return fail(ErrorKind::Kernel, fmt::format("cannot read the kernel's rules: {}", std::strerror(error)));
}

}  // namespace

tl::unexpected<Error> changed_meanwhile() {
  return fail(ErrorKind::Outdated, "the kernel's ruleset changed while it was read");
}

Request::Request(std::uint16_t type, std::uint8_t family, std::uint16_t flags, std::uint32_t sequence)
    : header_(nftnl_nlmsg_build_hdr(buffer_.data(), type, family, flags, sequence)) {}

Result<void> ask(Channel& channel, Request& request, const OnMessage& on_message) {
  NWF_CHECK(channel.send(request.bytes()));
  const std::uint32_t sequence = request.header()->nlmsg_seq;
  const bool dump = (request.header()->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  bool interrupted = false;
  while (true) {
    NWF_TRY(const auto reply, channel.receive());
    int left = static_cast<int>(reply.size());
    for (const auto* header = reinterpret_cast<const nlmsghdr*>(reply.data()); mnl_nlmsg_ok(header, left);
         header = mnl_nlmsg_next(header, &left)) {
      if (header->nlmsg_seq != sequence) continue;
      if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
      if (header->nlmsg_type == NLMSG_ERROR) {
        const int error = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header))->error;
        if (error != 0) return read_failed(error);
        return {};
      }
      if (header->nlmsg_type == NLMSG_DONE) {
        if (interrupted) return changed_meanwhile();
        return {};
      }
      on_message(header);
      if (!dump) return {};
    }
  }
}

}  // namespace nwf::netlink
