// SPDX-License-Identifier: GPL-2.0-or-later
#include "legacy/ipset.h"

#include <fmt/format.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "legacy/bytes.h"
#include "legacy/handle.h"

namespace nwf::legacy {

Result<std::uint16_t> ipset_index(const std::string& name) {
  const Socket socket(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!socket)
    return fail(ErrorKind::Denied, fmt::format("cannot look for ipset '{}': {}", name, std::strerror(errno)));
  ip_set_req_version version{};
  version.op = IP_SET_OP_VERSION;
  socklen_t size = sizeof(version);
  if (getsockopt(socket.number(), SOL_IP, SO_IP_SET, &version, &size) != 0)
    return fail(ErrorKind::Unsupported, fmt::format("cannot look for ipset '{}': this kernel has no ipsets", name),
                "load the module ip_set");
  ip_set_req_get_set request{};
  request.op = IP_SET_OP_GET_BYNAME;
  request.version = version.version;
  copy_name(name, request.set.name);
  size = sizeof(request);
  if (getsockopt(socket.number(), SOL_IP, SO_IP_SET, &request, &size) != 0)
    return fail(ErrorKind::Kernel, fmt::format("cannot look for ipset '{}': {}", name, std::strerror(errno)));
  if (request.set.index == IPSET_INVALID_ID)
    return fail(ErrorKind::NotFound, fmt::format("there is no ipset '{}'", name),
                fmt::format("make it first: `ipset create {} hash:ip`", name));
  return request.set.index;
}

}  // namespace nwf::legacy
