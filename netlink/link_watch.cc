// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/link_watch.h"

#include <fmt/format.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <functional>

#include "netlink/handles.h"

namespace nwf::netlink {
namespace {

constexpr std::size_t kBufferBytes = 128U << 10U;
constexpr int kReceiveBuffer = 4 << 20;

tl::unexpected<Error> failed(const std::string& what) {
  const int code = errno;
  return fail(code == EPERM || code == EACCES ? ErrorKind::Denied : ErrorKind::Kernel,
              fmt::format("{}: {}", what, std::strerror(code)));
}

/// IFLA_LINKINFO holds IFLA_INFO_KIND.
std::string kind_in(const nlattr* info) {
  std::string kind;
  mnl_attr_parse_nested(
      info,
      [](const nlattr* attribute, void* into) {
        if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND && mnl_attr_validate(attribute, MNL_TYPE_STRING) >= 0)
          *static_cast<std::string*>(into) = mnl_attr_get_str(attribute);
        return MNL_CB_OK;
      },
      &kind);
  return kind;
}

LinkStatistics link_in(const nlmsghdr* header) {
  LinkStatistics found;
  found.link.index = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(header))->ifi_index;
  mnl_attr_parse(
      header, sizeof(ifinfomsg),
      [](const nlattr* attribute, void* into) {
        auto& out = *static_cast<LinkStatistics*>(into);
        const std::size_t size = mnl_attr_get_payload_len(attribute);
        switch (mnl_attr_get_type(attribute)) {
          case IFLA_IFNAME:
            if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0) out.link.name = mnl_attr_get_str(attribute);
            break;
          case IFLA_MASTER:
            if (size >= 4) out.link.master = static_cast<int>(mnl_attr_get_u32(attribute));
            break;
          case IFLA_LINKINFO:
            out.link.kind = kind_in(attribute);
            break;
          case IFLA_STATS64:
            if (rtnl_link_stats64 counted{}; size >= 4 * sizeof(std::uint64_t)) {
              std::memcpy(&counted, mnl_attr_get_payload(attribute), std::min(size, sizeof counted));
              out.received_frames = counted.rx_packets;
              out.received_bytes = counted.rx_bytes;
              out.sent_frames = counted.tx_packets;
              out.sent_bytes = counted.tx_bytes;
            }
            break;
          default:
            break;
        }
        return MNL_CB_OK;
      },
      &found);
  return found;
}

/// A bridge tells of its ports in messages of its own family, which are no interfaces that come or go.
bool is_about_link(const nlmsghdr* header) {
  if (header->nlmsg_type != RTM_NEWLINK && header->nlmsg_type != RTM_DELLINK) return false;
  return mnl_nlmsg_get_payload_len(header) >= sizeof(ifinfomsg) &&
         static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(header))->ifi_family == AF_UNSPEC;
}

Result<MnlSocket> open_route(unsigned groups) {
  MnlSocket socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (socket == nullptr || mnl_socket_bind(socket.get(), groups, MNL_SOCKET_AUTOPID) < 0)
    return failed("cannot open a socket to rtnetlink");
  const int fd = mnl_socket_get_fd(socket.get());
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  const timeval patience{10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return socket;
}

/// All interfaces, on a socket of its own: notifications do not come between.
Result<std::vector<LinkStatistics>> dump() {
  NWF_TRY(const MnlSocket socket, open_route(0));
  std::vector<std::uint8_t> buffer(kBufferBytes);
  for (int attempt = 0; attempt < 8; ++attempt) {
    nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
    request->nlmsg_type = RTM_GETLINK;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = static_cast<std::uint32_t>(attempt) + 1;
    mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg));
    if (mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0) return failed("cannot ask for interfaces");
    std::vector<LinkStatistics> all;
    bool done = false, interrupted = false;
    while (!done) {
      const ssize_t got = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failed("cannot read the interfaces");
      int left = static_cast<int>(got);
      for (const auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(header, left);
           header = mnl_nlmsg_next(header, &left)) {
        interrupted = interrupted || (header->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        done = done || header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR;
        if (header->nlmsg_type == RTM_NEWLINK && is_about_link(header)) all.push_back(link_in(header));
      }
    }
    if (!interrupted) return all;
  }
  return fail(ErrorKind::Outdated, "the interfaces change all the time");
}

class Watch final : public LinkWatch {
 public:
  explicit Watch(MnlSocket socket) : socket_(std::move(socket)), buffer_(kBufferBytes) {}

  int descriptor() const override { return mnl_socket_get_fd(socket_.get()); }
  const LinkTable& table() const override { return table_; }

  Result<std::vector<LinkEvent>> drain() override {
    std::vector<LinkEvent> events;
    const auto add = [&](std::vector<LinkEvent> more) {
      for (LinkEvent& event : more) events.push_back(std::move(event));
    };
    bool lost = false;
    while (true) {
      const ssize_t got = recv(descriptor(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
      if (got < 0 && errno == ENOBUFS) {
        lost = true;
        continue;
      }
      if (got < 0) return failed("cannot read about interfaces");
      int left = static_cast<int>(got);
      for (const auto* header = reinterpret_cast<const nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(header, left);
           header = mnl_nlmsg_next(header, &left)) {
        // After a loss only the whole counts.
        if (lost || !is_about_link(header)) continue;
        const Link link = link_in(header).link;
        add(header->nlmsg_type == RTM_NEWLINK ? table_.put(link) : table_.remove(link.index));
      }
    }
    if (lost) {
      NWF_TRY(auto more, resync());
      add(std::move(more));
    }
    return events;
  }

  Result<std::vector<LinkEvent>> resync() {
    NWF_TRY(const auto links, read_links());
    return table_.replace(links);
  }

 private:
  MnlSocket socket_;
  std::vector<std::uint8_t> buffer_;
  LinkTable table_;
};

}  // namespace

Result<std::unique_ptr<LinkWatch>> LinkWatch::open() {
  // First the notifications, then the whole: what happens between comes twice, which the table does not mind.
  NWF_TRY(MnlSocket socket, open_route(RTMGRP_LINK));
  auto watch = std::make_unique<Watch>(std::move(socket));
  NWF_CHECK(watch->resync());
  return std::unique_ptr<LinkWatch>(std::move(watch));
}

Result<std::vector<Link>> read_links() {
  NWF_TRY(const auto all, dump());
  std::vector<Link> links;
  links.reserve(all.size());
  for (const LinkStatistics& each : all) links.push_back(each.link);
  return links;
}

Result<std::vector<LinkStatistics>> read_link_statistics() { return dump(); }

}  // namespace nwf::netlink
