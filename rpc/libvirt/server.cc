// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/libvirt/server.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <list>
#include <map>
#include <vector>

namespace nwf::rpc::libvirt {
namespace {

/// So much is read from one client before others have their turn.
constexpr std::size_t kPiece = 65536;
constexpr std::size_t kAcceptedInATurn = 64;
/// Descriptors left to everything else in this process.
constexpr std::size_t kDescriptorsKept = 128;

/// How many clients this process may have: with no descriptor left, one could not even be turned away.
std::size_t descriptors_for_clients() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= kDescriptorsKept) return 1;
  return static_cast<std::size_t>(limit.rlim_cur) - kDescriptorsKept;
}

struct Unref {
  void operator()(sd_event_source* source) const noexcept { sd_event_source_disable_unref(source); }
};
using Source = std::unique_ptr<sd_event_source, Unref>;

class ServerOnLoop;

struct Listening {
  ServerOnLoop* server = nullptr;
  Access access = Access::ReadOnly;
  Source source;
  std::size_t clients = 0;
  std::map<uid_t, std::size_t> by_user;
};

struct Client {
  Client(ServerOnLoop& its_server, Listening& its_socket, uid_t its_user, const ServiceNow& service)
      : server(its_server), socket(its_socket), user(its_user), session(service, its_socket.access) {}
  ServerOnLoop& server;
  Listening& socket;
  uid_t user;
  Session session;
  Source source;
  std::size_t counted = 0;  ///< what the server has counted of held_bytes()
  std::list<Client>::iterator place;
};

class ServerOnLoop final : public Server {
 public:
  ServerOnLoop(sd_event* loop, ServiceNow service, const Limits& limits)
      : loop_(loop), service_(std::move(service)), limits_(limits) {}

  Result<void> listen(int socket, Access access) override {
    Listening& listening = listening_.emplace_back();
    listening.server = this;
    listening.access = access;
    sd_event_source* made = nullptr;
    const int r = sd_event_add_io(
        loop_, &made, socket, EPOLLIN,
        [](sd_event_source*, int fd, std::uint32_t, void* its) {
          auto& from = *static_cast<Listening*>(its);
          from.server->accept_from(fd, from);
          return 0;
        },
        &listening);
    if (r < 0) {
      ::close(socket);
      listening_.pop_back();
      return fail(ErrorKind::Kernel, fmt::format("cannot watch the socket: {}", std::strerror(-r)));
    }
    sd_event_source_set_io_fd_own(made, 1);
    listening.source.reset(made);
    return {};
  }

  std::size_t clients() const override { return clients_.size(); }

 private:
  void accept_from(int listening, Listening& from) {
    for (std::size_t i = 0; i < kAcceptedInATurn; ++i) {
      const int fd = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd < 0) return;
      if (!take(fd, from)) ::close(fd);
    }
  }

  bool take(int fd, Listening& from) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
    if (from.clients >= limits_.clients || clients_.size() >= descriptors_for_clients()) return false;
    if (peer.uid != 0 && from.by_user[peer.uid] >= limits_.clients_of_a_user) return false;
    Client& client = clients_.emplace_back(*this, from, peer.uid, service_);
    client.place = std::prev(clients_.end());
    sd_event_source* made = nullptr;
    const int r = sd_event_add_io(
        loop_, &made, fd, EPOLLIN,
        [](sd_event_source*, int socket, std::uint32_t events, void* its) {
          auto& who = *static_cast<Client*>(its);
          who.server.serve(who, socket, events);
          return 0;
        },
        &client);
    if (r < 0) {
      clients_.pop_back();
      return false;
    }
    sd_event_source_set_io_fd_own(made, 1);
    client.source.reset(made);
    // Taking new ones is put behind serving those that are there.
    sd_event_source_set_priority(made, SD_EVENT_PRIORITY_NORMAL - 1);
    ++from.clients;
    ++from.by_user[peer.uid];
    return true;
  }

  void gone(Client& client) {
    held_ -= client.counted;
    --client.socket.clients;
    if (--client.socket.by_user[client.user] == 0) client.socket.by_user.erase(client.user);
    clients_.erase(client.place);
  }

  void serve(Client& client, int socket, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0 && !send_some(client, socket)) return gone(client);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !client.session.paused() && !client.session.ended()) {
      std::array<std::uint8_t, kPiece> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
      const ssize_t got = ::recv(socket, piece.data(), piece.size(), 0);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return gone(client);
      if (got > 0) client.session.feed({piece.data(), static_cast<std::size_t>(got)});
    } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
      return gone(client);
    }
    if (!send_some(client, socket)) return gone(client);
    count(client);
    if (held_ > limits_.held_bytes) return gone(client);
    if (client.session.ended() && client.session.output().empty()) return gone(client);
    const bool writes = !client.session.output().empty();
    const bool reads = !client.session.paused() && !client.session.ended();
    sd_event_source_set_io_events(client.source.get(), (reads ? EPOLLIN : 0U) | (writes ? EPOLLOUT : 0U));
  }

  /// False when the client is gone.
  static bool send_some(Client& client, int socket) {
    // As long as the socket takes it: what was sent may let further calls be answered.
    for (std::size_t budget = 16 * kPiece; budget > 0 && !client.session.output().empty();) {
      const auto& output = client.session.output();
      const ssize_t count = ::send(socket, output.data(), std::min(output.size(), budget), MSG_NOSIGNAL);
      if (count < 0) return errno == EAGAIN || errno == EINTR;
      client.session.sent(static_cast<std::size_t>(count));
      budget -= static_cast<std::size_t>(count);
    }
    return true;
  }

  void count(Client& client) {
    held_ -= client.counted;
    client.counted = client.session.held_bytes();
    held_ += client.counted;
  }

  sd_event* loop_;
  ServiceNow service_;
  Limits limits_;
  std::size_t held_ = 0;
  std::list<Listening> listening_;
  std::list<Client> clients_;
};

}  // namespace

std::unique_ptr<Server> Server::open(sd_event* loop, ServiceNow service, const Limits& limits) {
  return std::make_unique<ServerOnLoop>(loop, std::move(service), limits);
}

}  // namespace nwf::rpc::libvirt
