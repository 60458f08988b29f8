// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/offload.h"

#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace nwf::netlink {

Result<void> finish_checksums(const std::string& interface) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  // linux/ethtool.h: ETHTOOL_STXCSUM is the switch of tx-checksum-*.
  ethtool_value off{ETHTOOL_STXCSUM, 0};
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&off);
  const int code = fd < 0 || ::ioctl(fd, SIOCETHTOOL, &request) != 0 ? errno : 0;
  if (fd >= 0) ::close(fd);
  if (code == 0) return {};
  return fail(code == EPERM ? ErrorKind::Denied : ErrorKind::Kernel,
              fmt::format("cannot have the checksums of {} finished: {}", interface, std::strerror(code)));
}

}  // namespace nwf::netlink
