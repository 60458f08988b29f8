// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/grace_period.h"

#include <linux/membarrier.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace nwf::netlink {
namespace {

/// MEMBARRIER_CMD_GLOBAL is synchronize_rcu() (kernel/sched/membarrier.c). With one processor it is nothing, and
/// nothing is needed: bridged packets are not interrupted by us. Refused on kernels with nohz_full processors.
bool by_memory_barrier() { return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0U, 0) == 0; }

/// A packet socket that is closed waits until nobody hands it a packet: synchronize_net() (net/packet/af_packet.c,
/// packet_release). With protocol 0 it is handed none.
bool by_packet_socket() {
  const int socket = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  return socket >= 0 && close(socket) == 0;
}

}  // namespace

void wait_for_grace_period() {
  if (by_memory_barrier() || by_packet_socket()) return;
  timespec left{0, 100'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) continue;
}

}  // namespace nwf::netlink
