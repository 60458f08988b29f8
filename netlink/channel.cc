// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/channel.h"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "netlink/handles.h"

namespace nwf::netlink {
namespace {

constexpr std::size_t kReceiveBytes = 128U << 10U;
constexpr int kReceiveBuffer = 4 << 20;
constexpr time_t kPatienceSeconds = 10;

std::string system_text(int error) { return std::strerror(error); }

class Socket final : public Channel {
 public:
  explicit Socket(MnlSocket socket) : socket_(std::move(socket)), buffer_(kReceiveBytes) {}

  Result<void> send(std::span<const std::uint8_t> bytes) override {
    grow(bytes.size());
    while (mnl_socket_sendto(socket_.get(), bytes.data(), bytes.size()) < 0) {
      if (errno == EINTR) continue;
      return fail(ErrorKind::Kernel,
                  fmt::format("cannot send {} bytes to the kernel: {}", bytes.size(), system_text(errno)));
    }
    return {};
  }

  Result<std::span<const std::uint8_t>> receive() override {
    while (true) {
      const ssize_t got = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
      if (got >= 0) return std::span<const std::uint8_t>(buffer_.data(), static_cast<std::size_t>(got));
      if (errno == EINTR) continue;
      if (errno == ENOBUFS) return fail(ErrorKind::Outdated, "the kernel dropped replies");
      if (errno == EAGAIN) return fail(ErrorKind::Kernel, "the kernel does not answer on its netfilter socket");
      return fail(ErrorKind::Kernel, fmt::format("cannot read from the kernel: {}", system_text(errno)));
    }
  }

  std::uint32_t port_id() const override { return mnl_socket_get_portid(socket_.get()); }

 private:
  void grow(std::size_t bytes) {
    // linux/net/netlink/af_netlink.c: a datagram over sk_sndbuf - 32 is refused
    if (bytes + 64 <= send_buffer_) return;
    const int wanted = static_cast<int>(bytes * 2 + 4096);
    const int fd = mnl_socket_get_fd(socket_.get());
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) != 0)
      setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
    send_buffer_ = bytes + 64;
  }

  MnlSocket socket_;
  std::vector<std::uint8_t> buffer_;
  std::size_t send_buffer_ = 64U << 10U;
};

}  // namespace

Result<std::unique_ptr<Channel>> open_netfilter() {
  MnlSocket socket(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  if (socket == nullptr || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    const int error = errno;
    if (error == EPROTONOSUPPORT)
      return fail(ErrorKind::Unsupported, "this kernel has no netfilter netlink (nfnetlink)",
                  "load the modules nfnetlink and nf_tables");
    return fail(error == EPERM || error == EACCES ? ErrorKind::Denied : ErrorKind::Kernel,
                fmt::format("cannot open a netfilter socket: {}", system_text(error)));
  }
  const int fd = mnl_socket_get_fd(socket.get());
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  const timeval patience{kPatienceSeconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return std::unique_ptr<Channel>(std::make_unique<Socket>(std::move(socket)));
}

}  // namespace nwf::netlink
