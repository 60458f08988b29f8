// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/harness/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_bridge.h>
#include <linux/if_tun.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace nwf::test {
namespace {

using Clock = std::chrono::steady_clock;

tl::unexpected<Error> failed(const std::string& what) {
  const int error = errno;
  return fail(error == EPERM || error == EACCES ? ErrorKind::Denied : ErrorKind::Kernel,
              fmt::format("{}: {}", what, std::strerror(error)));
}

/// A socket for interface ioctls, closed at the end of its life.
class ControlSocket {
 public:
  ControlSocket() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
  ~ControlSocket() { close(fd_); }
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  template <class T>
  int control(unsigned long request, T* argument) const {
    return ioctl(fd_, request, argument);
  }

 private:
  int fd_;
};

ifreq request_for(const std::string& name) {
  ifreq request{};
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  return request;
}

/// linux/if_bridge.h: the ports' interface numbers, in order of their own numbers.
int port_number(const ControlSocket& socket, const std::string& bridge, unsigned index) {
  int indices[1024] = {};
  unsigned long arguments[4] = {BRCTL_GET_PORT_LIST, reinterpret_cast<unsigned long>(indices), 1024, 0};
  ifreq request = request_for(bridge);
  request.ifr_data = reinterpret_cast<char*>(arguments);
  if (socket.control(SIOCDEVPRIVATE, &request) < 0) return -1;
  for (int i = 0; i < 1024; ++i)
    if (indices[i] == static_cast<int>(index)) return i;
  return -1;
}

bool forwards(const ControlSocket& socket, const std::string& bridge, int port) {
  __port_info info{};
  unsigned long arguments[4] = {BRCTL_GET_PORT_INFO, reinterpret_cast<unsigned long>(&info),
                                static_cast<unsigned long>(port), 0};
  ifreq request = request_for(bridge);
  request.ifr_data = reinterpret_cast<char*>(arguments);
  return socket.control(SIOCDEVPRIVATE, &request) == 0 && info.state == BR_STATE_FORWARDING;
}

}  // namespace

bool wait_for(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const auto end = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

Result<void> enter_new_namespace() {
  if (unshare(CLONE_NEWNET) != 0) return failed("cannot make a network namespace");
  // The host's own IPv6 would send frames nobody asked for.
  (void)set_sysctl("net/ipv6/conf/default/disable_ipv6", "1");
  return set_up("lo");
}

Result<void> make_bridge(const std::string& name) {
  const ControlSocket socket;
  if (socket.control(SIOCBRADDBR, name.c_str()) < 0) return failed("cannot make bridge " + name);
  return set_up(name);
}

Result<void> add_port(const std::string& bridge, const std::string& port) {
  const ControlSocket socket;
  ifreq request = request_for(bridge);
  request.ifr_ifindex = static_cast<int>(if_nametoindex(port.c_str()));
  if (socket.control(SIOCBRADDIF, &request) < 0) return failed(fmt::format("cannot add {} to {}", port, bridge));
  NWF_CHECK(set_up(port));
  const unsigned index = if_nametoindex(port.c_str());
  const bool ready = wait_for([&] {
    const int number = port_number(socket, bridge, index);
    return number >= 0 && forwards(socket, bridge, number);
  });
  if (!ready) return fail(ErrorKind::Kernel, fmt::format("port {} of {} does not come to forward", port, bridge));
  return {};
}

Result<void> forget_addresses(const std::string& bridge) {
  const ControlSocket socket;
  ifreq request = request_for(bridge);
  unsigned long arguments[4] = {BRCTL_SET_AGEING_TIME, 0, 0, 0};
  request.ifr_data = reinterpret_cast<char*>(arguments);
  if (socket.control(SIOCDEVPRIVATE, &request) < 0) return failed("cannot set the ageing time of " + bridge);
  return {};
}

Result<void> forget_connections() {
  struct {
    nlmsghdr header;
    nfgenmsg family;
  } request{};
  request.header.nlmsg_len = sizeof request;
  // Without a tuple all of them go.
  request.header.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) return failed("cannot open netfilter's netlink");
  nlmsgerr answer{};
  char buffer[256];
  const bool sent = send(fd, &request, sizeof request, 0) == static_cast<ssize_t>(sizeof request);
  const ssize_t got = sent ? recv(fd, buffer, sizeof buffer, 0) : -1;
  close(fd);
  if (got < static_cast<ssize_t>(sizeof(nlmsghdr) + sizeof answer)) return failed("cannot forget connections");
  std::memcpy(&answer, buffer + sizeof(nlmsghdr), sizeof answer);
  errno = -answer.error;
  return answer.error == 0 ? Result<void>() : failed("cannot forget connections");
}

Result<void> set_up(const std::string& interface) {
  const ControlSocket socket;
  ifreq request = request_for(interface);
  if (socket.control(SIOCGIFFLAGS, &request) < 0) return failed("cannot find " + interface);
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (socket.control(SIOCSIFFLAGS, &request) < 0) return failed("cannot bring up " + interface);
  return {};
}

Result<void> set_mac(const std::string& interface, const Mac& mac) {
  const ControlSocket socket;
  ifreq request = request_for(interface);
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::copy(mac.bytes.begin(), mac.bytes.end(), request.ifr_hwaddr.sa_data);
  if (socket.control(SIOCSIFHWADDR, &request) < 0) return failed("cannot set the address of " + interface);
  return {};
}

Result<void> add_ipv4(const std::string& interface, const Ipv4& address, unsigned prefix) {
  const ControlSocket socket;
  ifreq request = request_for(interface);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  std::memcpy(&where.sin_addr, address.bytes.data(), 4);
  std::memcpy(&request.ifr_addr, &where, sizeof where);
  if (socket.control(SIOCSIFADDR, &request) < 0) return failed("cannot give an address to " + interface);
  where.sin_addr.s_addr = htonl(prefix == 0 ? 0 : ~0U << (32 - prefix));
  std::memcpy(&request.ifr_netmask, &where, sizeof where);
  if (socket.control(SIOCSIFNETMASK, &request) < 0) return failed("cannot set the netmask of " + interface);
  return {};
}

Result<void> set_sysctl(const std::string& name, const std::string& value) {
  const std::string path = "/proc/sys/" + name;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return fail(ErrorKind::NotFound, "this kernel has no " + path);
  if (fd < 0) return failed("cannot open " + path);
  const bool written = write(fd, value.data(), value.size()) == static_cast<ssize_t>(value.size());
  close(fd);
  if (!written) return failed("cannot write " + path);
  return {};
}

Result<Tap> Tap::open(const std::string& name) {
  const int fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return failed("cannot open /dev/net/tun");
  ifreq request = request_for(name);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(fd, TUNSETIFF, &request) < 0) {
    auto error = failed("cannot make TAP device " + name);
    close(fd);
    return error;
  }
  return Tap(fd, name);
}

Tap::Tap(Tap&& other) noexcept : fd_(std::exchange(other.fd_, -1)), name_(std::move(other.name_)) {}
Tap& Tap::operator=(Tap&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(name_, other.name_);
  return *this;
}
Tap::~Tap() {
  if (fd_ >= 0) close(fd_);
}

Result<void> Tap::send(std::span<const std::uint8_t> frame) {
  while (write(fd_, frame.data(), frame.size()) < 0)
    if (errno != EINTR) return failed("cannot send on " + name_);
  return {};
}

std::optional<Bytes> Tap::receive(std::chrono::milliseconds patience) {
  pollfd waiting{fd_, POLLIN, 0};
  if (poll(&waiting, 1, static_cast<int>(patience.count())) <= 0) return std::nullopt;
  std::uint8_t buffer[65536];
  const ssize_t got = read(fd_, buffer, sizeof buffer);
  if (got < 0) return std::nullopt;
  return Bytes(buffer, buffer + got);
}

void Tap::drain() {
  while (receive(std::chrono::milliseconds(0))) {
  }
}

std::chrono::milliseconds frame_patience() {
  const char* given = std::getenv("NWF_PATIENCE_MS");
  return std::chrono::milliseconds(given == nullptr ? 150 : std::max(1, std::atoi(given)));
}

bool arrives(Tap& to, std::span<const std::uint8_t> tag, std::chrono::milliseconds patience) {
  const auto end = Clock::now() + patience;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() < 0) return false;
    const auto frame = to.receive(left);
    if (frame && std::search(frame->begin(), frame->end(), tag.begin(), tag.end()) != frame->end()) return true;
  }
}

}  // namespace nwf::test
