// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/harness/guest_namespace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "netlink/handles.h"
#include "tests/harness/network.h"

namespace nwf::test {
namespace {

constexpr const char* kHere = "/proc/thread-self/ns/net";
constexpr const char* kInside = "eth0";

tl::unexpected<Error> failed(const std::string& what) {
  const int error = errno;
  return fail(error == EPERM ? ErrorKind::Denied : ErrorKind::Kernel,
              fmt::format("{}: {}", what, std::strerror(error)));
}

/// linux/veth.h: the peer's own ifinfomsg and attributes lie inside VETH_INFO_PEER.
Result<void> make_veth(const std::string& port, int peer_namespace) {
  std::array<char, 1024> buffer{};
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = RTM_NEWLINK;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg));
  mnl_attr_put_strz(message, IFLA_IFNAME, port.c_str());
  nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
  nlattr* data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
  nlattr* peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
  mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg));
  mnl_attr_put_strz(message, IFLA_IFNAME, kInside);
  mnl_attr_put_u32(message, IFLA_NET_NS_FD, static_cast<std::uint32_t>(peer_namespace));
  mnl_attr_nest_end(message, peer);
  mnl_attr_nest_end(message, data);
  mnl_attr_nest_end(message, info);

  const netlink::MnlSocket owner(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  mnl_socket* socket = owner.get();
  if (socket == nullptr) return failed("cannot open a route socket");
  ssize_t got = -1;
  if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 && mnl_socket_sendto(socket, message, message->nlmsg_len) > 0)
    got = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
  const int answered = got < 0 ? -1
                               : mnl_cb_run(buffer.data(), static_cast<std::size_t>(got), 0,
                                            mnl_socket_get_portid(socket), nullptr, nullptr);
  if (answered < 0) return failed("cannot make the veth pair of " + port);
  return {};
}

}  // namespace

Result<GuestNamespace> GuestNamespace::make(const std::string& port, const Mac& mac, const Ipv4& address) {
  const int here = open(kHere, O_RDONLY | O_CLOEXEC);
  if (here < 0) return failed("cannot open this namespace");
  const auto entered = enter_new_namespace();
  const int there = entered ? open(kHere, O_RDONLY | O_CLOEXEC) : -1;
  const bool back = setns(here, CLONE_NEWNET) == 0;
  close(here);
  NWF_CHECK(entered);
  if (there < 0 || !back) return failed("cannot make a guest's namespace");
  GuestNamespace guest(there);
  NWF_CHECK(make_veth(port, there));
  const auto set_up_inside = [&]() -> Result<void> {
    NWF_CHECK(set_mac(kInside, mac));
    NWF_CHECK(add_ipv4(kInside, address, 24));
    return set_up(kInside);
  };
  NWF_CHECK(guest.inside(set_up_inside));
  NWF_CHECK(set_up(port));
  return guest;
}

GuestNamespace::GuestNamespace(GuestNamespace&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
GuestNamespace& GuestNamespace::operator=(GuestNamespace&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
GuestNamespace::~GuestNamespace() {
  if (fd_ >= 0) close(fd_);
}

Result<void> GuestNamespace::inside(const std::function<Result<void>()>& work) const {
  const int here = open(kHere, O_RDONLY | O_CLOEXEC);
  if (here < 0) return failed("cannot open this namespace");
  if (setns(fd_, CLONE_NEWNET) != 0) {
    close(here);
    return failed("cannot enter a guest's namespace");
  }
  auto done = work();
  const bool back = setns(here, CLONE_NEWNET) == 0;
  close(here);
  if (!back) return failed("cannot leave a guest's namespace");
  return done;
}

}  // namespace nwf::test
