// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/floor.h"

#include <libmnl/libmnl.h>

#include <array>
#include <chrono>

#include "netlink/handles.h"
#include "netlink/nftables/batch.h"

namespace nwf::bench {

struct Floor::State {
  netlink::MnlSocket socket;
  netlink::Batch batch;
  std::uint32_t sequence = 1;
};

Floor::Floor() : state_(std::make_unique<State>()) {
  state_->socket.reset(mnl_socket_open(NETLINK_NETFILTER));
  mnl_socket_bind(state_->socket.get(), 0, MNL_SOCKET_AUTOPID);
}
Floor::~Floor() = default;

double Floor::send(const Changes& changes) {
  State& s = *state_;
  s.batch.begin(s.sequence, std::nullopt);
  for (std::size_t i = 0; i < changes.size(); ++i) s.batch.add(changes[i], i);
  s.batch.end();
  s.sequence = s.batch.next_sequence();
  std::array<char, 8192> answer{};
  const auto start = std::chrono::steady_clock::now();
  if (mnl_socket_sendto(s.socket.get(), s.batch.bytes().data(), s.batch.bytes().size()) < 0) return -1;
  while (true) {
    const ssize_t got = mnl_socket_recvfrom(s.socket.get(), answer.data(), answer.size());
    if (got < 0) return -1;
    const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());
    if (header->nlmsg_type != NLMSG_ERROR) continue;
    if (static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header))->error != 0) return -1;
    break;
  }
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace nwf::bench
