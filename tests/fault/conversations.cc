// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fault/conversations.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace nwf::test {
namespace {

using Clock = std::chrono::steady_clock;
using store::Descriptor;

/// Longer than TCP needs to send a segment again several times: silence after that is a broken connection.
constexpr std::chrono::seconds kSilence{20};

tl::unexpected<Error> failed(const std::string& what) {
  return fail(ErrorKind::Kernel, fmt::format("{}: {}", what, std::strerror(errno)));
}

sockaddr_in address_of(const std::string& text, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, text.c_str(), &address.sin_addr);
  return address;
}

/// What the kernel knows of a connection (linux/tcp.h).
tcp_info info_of(const Descriptor& socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &size);
  return info;
}

}  // namespace

Result<std::unique_ptr<Conversations>> Conversations::open(const GuestNamespace& client, const GuestNamespace& server,
                                                           const std::string& server_address, std::uint16_t port,
                                                           std::size_t count) {
  std::unique_ptr<Conversations> talk(new Conversations);
  const sockaddr_in address = address_of(server_address, port);
  Descriptor listener;
  NWF_CHECK(server.inside([&]() -> Result<void> {
    listener = Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener.get(), static_cast<int>(count)) != 0)
      return failed("cannot listen");
    return {};
  }));
  for (std::size_t i = 0; i < count; ++i) {
    Connection connection;
    NWF_CHECK(client.inside([&]() -> Result<void> {
      connection.asks = Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const timeval patience{10, 0};
      setsockopt(connection.asks.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
      setsockopt(listener.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      if (connect(connection.asks.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return failed("cannot connect");
      return {};
    }));
    connection.answers = Descriptor(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.answers) return failed("cannot accept");
    talk->connections_.push_back(std::move(connection));
  }
  return talk;
}

Conversations::~Conversations() {
  ending_ = true;
  if (thread_.joinable()) thread_.join();
}

std::uint64_t Conversations::lost(const Connection& connection) {
  std::uint64_t lost = 0;
  for (const Descriptor* end : {&connection.asks, &connection.answers}) {
    const tcp_info info = info_of(*end);
    // One that was only late was not lost.
    if (info.tcpi_total_retrans > info.tcpi_dsack_dups) lost += info.tcpi_total_retrans - info.tcpi_dsack_dups;
  }
  return lost;
}

void Conversations::start() {
  for (Connection& connection : connections_) connection.lost_before = lost(connection);
  ending_ = false;
  thread_ = std::thread([this] { run(); });
}

void Conversations::take_turn(Connection& connection, bool of_asker) {
  const Descriptor& mine = of_asker ? connection.asks : connection.answers;
  std::uint64_t number = 0;
  const ssize_t got = recv(mine.get(), &number, sizeof number, MSG_WAITALL);
  if (got != sizeof number) {
    connection.wrong = got == 0 ? "the other end closed" : std::strerror(errno);
    return;
  }
  if (number != connection.number) connection.wrong = fmt::format("{} came for {}", number, connection.number);
  if (of_asker) {
    ++connection.number;
    return;
  }
  if (send(mine.get(), &number, sizeof number, MSG_NOSIGNAL) != sizeof number) connection.wrong = std::strerror(errno);
}

void Conversations::run() {
  // Each connection in turn is asked; whoever has something to read takes a turn.
  std::vector<pollfd> waiting;
  for (const Connection& connection : connections_) {
    waiting.push_back({connection.asks.get(), POLLIN, 0});
    waiting.push_back({connection.answers.get(), POLLIN, 0});
  }
  const auto ask = [](Connection& connection) {
    const std::uint64_t number = connection.number;
    if (send(connection.asks.get(), &number, sizeof number, MSG_NOSIGNAL) != sizeof number)
      connection.wrong = std::strerror(errno);
  };
  std::vector<bool> open(connections_.size(), true);
  std::vector<Clock::time_point> heard(connections_.size(), Clock::now());
  for (Connection& connection : connections_) ask(connection);
  for (std::size_t left = connections_.size(); left > 0;) {
    poll(waiting.data(), waiting.size(), 100);
    const auto now = Clock::now();
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      if (!open[i]) continue;
      Connection& connection = connections_[i];
      const bool answered = waiting[2 * i].revents != 0;
      if (waiting[2 * i + 1].revents != 0) take_turn(connection, false);
      if (answered) take_turn(connection, true);
      if (answered || waiting[2 * i + 1].revents != 0) heard[i] = now;
      if (connection.wrong.empty() && now - heard[i] > kSilence) connection.wrong = "no answer";
      if (connection.wrong.empty() && answered && !ending_) {
        ask(connection);
      } else if (!connection.wrong.empty() || answered) {
        open[i] = false;
        waiting[2 * i].fd = waiting[2 * i + 1].fd = -1;
        --left;
      }
    }
  }
}

ConversationCounts Conversations::stop() {
  ending_ = true;
  thread_.join();
  ConversationCounts counts;
  counts.connections = connections_.size();
  for (const Connection& connection : connections_) {
    counts.answers += connection.number;
    if (const std::uint64_t now = lost(connection); now > connection.lost_before)
      counts.lost += now - connection.lost_before;
    if (connection.wrong.empty()) continue;
    ++counts.broken;
    if (counts.first_wrong.empty()) counts.first_wrong = connection.wrong;
  }
  return counts;
}

}  // namespace nwf::test
