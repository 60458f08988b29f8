// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/wire.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "netlink/handles.h"
#include "tests/bench/report.h"
#include "tests/harness/network.h"
#include "tests/harness/packet.h"

namespace nwf::bench {
namespace {

/// Frames handed over with one system call: some 100 µs, into which hardly anything else of the machine falls.
constexpr unsigned kBurst = 64;

tl::unexpected<Error> failed(const std::string& what) {
  const int error = errno;
  return fail(error == EPERM || error == EACCES ? ErrorKind::Denied : ErrorKind::Kernel,
              fmt::format("{}: {}", what, std::strerror(error)));
}

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Descriptor this_namespace() { return Descriptor(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)); }

/// One question to rtnetlink and its answer, in the namespace in which the socket was made.
class Links {
 public:
  Links() {
    socket_.reset(mnl_socket_open(NETLINK_ROUTE));
    if (socket_) mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID);
  }

  /// A veth pair: `name` here, `peer` in the other namespace, each with its address.
  Result<void> make_pair(const std::string& name, const std::string& peer, int peer_namespace, const Mac& peer_mac) {
    nlmsghdr* header = begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    mnl_nlmsg_put_extra_header(header, sizeof(ifinfomsg));
    mnl_attr_put_strz(header, IFLA_IFNAME, name.c_str());
    nlattr* info = mnl_attr_nest_start(header, IFLA_LINKINFO);
    mnl_attr_put_strz(header, IFLA_INFO_KIND, "veth");
    nlattr* data = mnl_attr_nest_start(header, IFLA_INFO_DATA);
    nlattr* other = mnl_attr_nest_start(header, VETH_INFO_PEER);
    mnl_nlmsg_put_extra_header(header, sizeof(ifinfomsg));
    mnl_attr_put_strz(header, IFLA_IFNAME, peer.c_str());
    mnl_attr_put(header, IFLA_ADDRESS, peer_mac.bytes.size(), peer_mac.bytes.data());
    mnl_attr_put_u32(header, IFLA_NET_NS_FD, static_cast<std::uint32_t>(peer_namespace));
    mnl_attr_nest_end(header, other);
    mnl_attr_nest_end(header, data);
    mnl_attr_nest_end(header, info);
    NWF_TRY(const nlmsghdr* answer, exchange(header));
    if (answer->nlmsg_type != NLMSG_ERROR || static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(answer))->error != 0)
      return fail(ErrorKind::Kernel, fmt::format("cannot make the veth pair {} and {}", name, peer));
    return {};
  }

  /// Packets that the interface has received.
  Result<std::uint64_t> received(unsigned index) {
    nlmsghdr* header = begin(RTM_GETLINK, NLM_F_REQUEST);
    auto* request = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ifinfomsg)));
    request->ifi_index = static_cast<int>(index);
    NWF_TRY(const nlmsghdr* answer, exchange(header));
    if (answer->nlmsg_type != RTM_NEWLINK) return fail(ErrorKind::Kernel, "an interface cannot be read");
    auto* attribute = static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(answer, sizeof(ifinfomsg)));
    const auto* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(answer));
    for (; mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
         attribute = mnl_attr_next(attribute)) {
      if (mnl_attr_get_type(attribute) != IFLA_STATS64) continue;
      std::uint64_t packets = 0;  // linux/if_link.h: the first member of rtnl_link_stats64
      std::memcpy(&packets, mnl_attr_get_payload(attribute), sizeof packets);
      return packets;
    }
    return fail(ErrorKind::Kernel, "an interface has no counters");
  }

 private:
  nlmsghdr* begin(int type, int flags) {
    nlmsghdr* header = mnl_nlmsg_put_header(buffer_.data());
    header->nlmsg_type = static_cast<std::uint16_t>(type);
    header->nlmsg_flags = static_cast<std::uint16_t>(flags);
    header->nlmsg_seq = ++sequence_;
    return header;
  }
  Result<const nlmsghdr*> exchange(const nlmsghdr* request) {
    if (!socket_ || mnl_socket_sendto(socket_.get(), request, request->nlmsg_len) < 0 ||
        mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size()) < 0)
      return failed("cannot talk to rtnetlink");
    return reinterpret_cast<const nlmsghdr*>(buffer_.data());
  }

  netlink::MnlSocket socket_;
  std::uint32_t sequence_ = 0;
  std::array<char, 16384> buffer_{};
};

/// One end: a device, its namespace, and the frame it sends.
struct End {
  std::unique_ptr<Links> links;
  Descriptor packets;
  unsigned index = 0;
  Bytes frame;
};

/// A device in this namespace, ready to send.
Result<End> open_end(const std::string& device, Bytes frame) {
  End end;
  NWF_CHECK(test::set_up(device));
  end.index = if_nametoindex(device.c_str());
  end.links = std::make_unique<Links>();
  end.packets = Descriptor(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (end.packets.get() < 0) return failed("cannot open a packet socket");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(end.index);
  const int yes = 1;
  if (bind(end.packets.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      setsockopt(end.packets.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes) != 0)
    return failed("cannot set up a packet socket");
  end.frame = std::move(frame);
  end.frame.resize(60);  // the least that Ethernet has, without its checksum
  return end;
}

}  // namespace

struct Wire::State {
  Descriptor bridge, guest_namespace, lan_namespace;
  End guest, lan;
};

Wire::Wire(std::unique_ptr<State> state) : state_(std::move(state)) {}
Wire::Wire(Wire&& other) noexcept = default;
Wire& Wire::operator=(Wire&& other) noexcept = default;
Wire::~Wire() = default;

Result<Wire> Wire::lay(const std::string& port) {
  auto state = std::make_unique<State>();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  if (sched_setaffinity(0, sizeof one, &one) != 0) return failed("cannot stay on one CPU");
  NWF_CHECK(test::enter_new_namespace());
  state->guest_namespace = this_namespace();
  NWF_CHECK(test::enter_new_namespace());
  state->lan_namespace = this_namespace();
  NWF_CHECK(test::enter_new_namespace());
  state->bridge = this_namespace();
  Links links;
  NWF_CHECK(links.make_pair(port, "eth0", state->guest_namespace.get(), *Mac::parse(kGuestMac)));
  NWF_CHECK(links.make_pair("lan", "eth0", state->lan_namespace.get(), *Mac::parse(kLanMac)));
  NWF_CHECK(test::make_bridge("br0"));
  const Bytes tag(10);
  if (setns(state->guest_namespace.get(), CLONE_NEWNET) != 0) return failed("cannot enter a namespace");
  NWF_TRY(state->guest, open_end("eth0", test::udp_frame({kGuestMac, kLanMac}, kGuestIp, kLanIp, {}, tag)));
  if (setns(state->lan_namespace.get(), CLONE_NEWNET) != 0) return failed("cannot enter a namespace");
  NWF_TRY(state->lan, open_end("eth0", test::udp_frame({kLanMac, kGuestMac}, kLanIp, kGuestIp, {}, tag)));
  if (setns(state->bridge.get(), CLONE_NEWNET) != 0) return failed("cannot enter a namespace");
  NWF_CHECK(test::add_port("br0", port));
  NWF_CHECK(test::add_port("br0", "lan"));
  return Wire(std::move(state));
}

Result<double> Wire::nanoseconds(Way way, std::size_t count) {
  End& from = way == Way::GuestToLan ? state_->guest : state_->lan;
  const End& to = way == Way::GuestToLan ? state_->lan : state_->guest;
  iovec part{from.frame.data(), from.frame.size()};
  std::vector<mmsghdr> burst(kBurst);
  for (mmsghdr& message : burst) {
    message.msg_hdr.msg_iov = &part;
    message.msg_hdr.msg_iovlen = 1;
  }
  NWF_TRY(const std::uint64_t before, to.links->received(to.index));
  std::vector<double> bursts;
  std::size_t sent = 0;
  while (sent < count) {
    const auto start = std::chrono::steady_clock::now();
    const int taken = sendmmsg(from.packets.get(), burst.data(), kBurst, 0);
    const double elapsed = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
    if (taken < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR) return failed("cannot send");
    if (taken <= 0) continue;
    sent += static_cast<std::size_t>(taken);
    bursts.push_back(elapsed / taken);
  }
  std::uint64_t after = before;
  const bool all = test::wait_for([&] {
    if (const auto now = to.links->received(to.index)) after = *now;
    return after - before >= sent;
  });
  if (!all)
    return fail(ErrorKind::Kernel, fmt::format("{} of {} frames {} did not arrive", sent - (after - before), sent,
                                               way == Way::GuestToLan ? "from the guest" : "to the guest"));
  return median(std::move(bursts));
}

}  // namespace nwf::bench
