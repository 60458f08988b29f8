// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/monitor.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "engine/ruleset/ruleset.h"
#include "netlink/handles.h"

namespace nwf::netlink {
namespace {

constexpr int kReceiveBuffer = 8 << 20;

using Attributes = std::array<const nlattr*, 8>;

/// The first attributes of an nf_tables message, by type.
Attributes attributes_of(const nlmsghdr* header) {
  Attributes found{};
  mnl_attr_parse(
      header, sizeof(nfgenmsg),
      [](const nlattr* attribute, void* into) {
        auto& all = *static_cast<Attributes*>(into);
        if (mnl_attr_get_type(attribute) < all.size()) all[mnl_attr_get_type(attribute)] = attribute;
        return MNL_CB_OK;
      },
      &found);
  return found;
}

std::string_view text_of(const nlattr* attribute) {
  if (attribute == nullptr) return {};
  const std::string_view text(static_cast<const char*>(mnl_attr_get_payload(attribute)),
                              mnl_attr_get_payload_len(attribute));
  return text.substr(0, text.find('\0'));
}

class NfMonitor final : public Monitor {
 public:
  NfMonitor(MnlSocket socket, std::uint32_t own_port, std::vector<std::string> tables)
      : socket_(std::move(socket)), own_port_(own_port), tables_(std::move(tables)), buffer_(256U << 10U) {}

  int descriptor() const override { return mnl_socket_get_fd(socket_.get()); }

  Result<std::optional<Foreign>> drain() override {
    std::optional<Foreign> last;
    while (true) {
      const ssize_t got = recv(descriptor(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return last;
      if (got < 0 && errno == ENOBUFS) {
        last = Foreign{};
        continue;
      }
      if (got < 0)
        return fail(ErrorKind::Kernel, fmt::format("cannot read nf_tables' notifications: {}", std::strerror(errno)));
      int left = static_cast<int>(got);
      for (const auto* header = reinterpret_cast<const nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(header, left);
           header = mnl_nlmsg_next(header, &left))
        if (auto foreign = look(header)) last = std::move(foreign);
    }
  }

 private:
  /// A transaction's objects come first, then NEWGEN with who made it.
  std::optional<Foreign> look(const nlmsghdr* header) {
    if (header->nlmsg_type >> 8U != NFNL_SUBSYS_NFTABLES || header->nlmsg_pid == own_port_) return std::nullopt;
    const Attributes attributes = attributes_of(header);
    if ((header->nlmsg_type & 0xffU) != NFT_MSG_NEWGEN) {
      // linux/netfilter/nf_tables.h: the table's name is attribute 1 of tables, chains, rules, sets and elements alike.
      const std::string_view table = text_of(attributes[NFTA_TABLE_NAME]);
      if (std::find(tables_.begin(), tables_.end(), table) != tables_.end()) touched_ = true;
      return std::nullopt;
    }
    if (!touched_) return std::nullopt;
    touched_ = false;
    Foreign who{std::string(text_of(attributes[NFTA_GEN_PROC_NAME])), 0};
    const nlattr* pid = attributes[NFTA_GEN_PROC_PID];
    if (pid != nullptr && mnl_attr_get_payload_len(pid) >= 4) who.pid = ntohl(mnl_attr_get_u32(pid));
    return who;
  }

  MnlSocket socket_;
  std::uint32_t own_port_;
  std::vector<std::string> tables_;
  std::vector<std::uint8_t> buffer_;
  bool touched_ = false;
};

}  // namespace

Result<std::unique_ptr<Monitor>> Monitor::open(std::uint32_t own_port, std::vector<std::string> tables) {
  MnlSocket socket(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  int group = NFNLGRP_NFTABLES;
  if (socket == nullptr || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0 ||
      mnl_socket_setsockopt(socket.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
    return fail(errno == EPERM || errno == EACCES ? ErrorKind::Denied : ErrorKind::Kernel,
                fmt::format("cannot hear nf_tables' notifications: {}", std::strerror(errno)));
  const int fd = mnl_socket_get_fd(socket.get());
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  return std::unique_ptr<Monitor>(std::make_unique<NfMonitor>(std::move(socket), own_port, std::move(tables)));
}

}  // namespace nwf::netlink
