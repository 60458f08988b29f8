// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <vector>

#include "rpc/error.h"
#include "rpc/methods.h"
#include "rpc/names.h"
#include "rpc/signals.h"

namespace nwf::rpc {
namespace {

constexpr std::size_t kConnectionsOfAUser = 16;  ///< root has no such limit
constexpr std::size_t kConnections = 256;
/// A subscriber with more signals unread than this is let go.
constexpr std::uint64_t kSignalsUnread = 4096;
constexpr std::uint64_t kRejoinUs = 2'000'000;

class SdBusServer;

/// The other end of one D-Bus connection: one peer, or a message bus with many.
struct Connection {
  SdBusServer* server = nullptr;
  PeerBus bus;
  bool is_bus = false;
  Peer peer;  ///< of a private connection
  bool subscribed = false;
};

/// The interface as sd-bus wants it: every method comes to one handler.
const sd_bus_vtable* interface_table();

int on_call(sd_bus_message* message, void* connection, sd_bus_error* error);
int on_subscribe(sd_bus_message* message, void* connection, sd_bus_error* error);
int on_disconnected(sd_bus_message* message, void* connection, sd_bus_error* error);

class SdBusServer final : public Server {
 public:
  SdBusServer(sd_event* loop, host::Service& service, Policy policy)
      : loop_(loop), service_(service), policy_(std::move(policy)) {}

  Result<void> listen(int socket) override {
    sd_event_source* made = nullptr;
    const int r = sd_event_add_io(
        loop_, &made, socket, EPOLLIN,
        [](sd_event_source*, int fd, std::uint32_t, void* self) {
          static_cast<SdBusServer*>(self)->accept_from(fd);
          return 0;
        },
        this);
    if (r < 0) {
      close(socket);
      return fail(bus_error(r, "cannot watch the socket"));
    }
    sd_event_source_set_io_fd_own(made, 1);
    listening_.emplace_back(made);
    return {};
  }

  Result<void> serve(int socket) override {
    auto peer = peer_of(socket);
    if (!peer) {
      close(socket);
      return fail(std::move(peer).error());
    }
    if (full_for(*peer)) {
      close(socket);
      return fail(ErrorKind::Refused, fmt::format("user {} has too many connections", peer->uid));
    }
    connections_.push_back({this, nullptr, false, std::move(*peer), false});
    auto started = start(connections_.back(), socket);
    if (!started) connections_.pop_back();
    return started;
  }

  Result<void> join(const std::string& address) override {
    address_ = address;
    auto joined = join_now();
    if (!joined) bus_.reset();
    return joined;
  }

  void tell(const host::Event& event) override {
    if (bus_ != nullptr) emit(bus_->bus.get(), event);
    for (auto at = connections_.begin(); at != connections_.end();) {
      Connection& connection = *at++;
      if (!connection.subscribed) continue;
      std::uint64_t unread = 0;
      sd_bus_get_n_queued_write(connection.bus.get(), &unread);
      if (unread > kSignalsUnread || emit(connection.bus.get(), event) < 0) gone(connection);
    }
  }

  std::size_t connections() const override { return connections_.size(); }

  int call(Connection& connection, sd_bus_message* message) {
    const char* member = sd_bus_message_get_member(message);
    const auto all = methods();
    const auto method = std::ranges::find_if(all, [&](const Method& m) { return std::strcmp(m.name, member) == 0; });
    if (method == all.end()) return -ENOENT;
    if (auto allowed = check(connection, message, method->access); !allowed)
      return reply_error(message, allowed.error());
    const int r = method->call(service_, message);
    // What does not fit the signature's promise is the caller's mistake.
    if (r == -EBADMSG || r == -ERANGE || r == -EINVAL)
      return reply_error(message, {ErrorKind::Invalid,
                                   fmt::format("{}: the arguments cannot be read", method->name),
                                   {},
                                   "see docs/dbus.md",
                                   {}});
    return r < 0 ? r : 1;
  }

  int subscribe(Connection& connection, sd_bus_message* message) {
    if (auto allowed = check(connection, message, Access::Read); !allowed) return reply_error(message, allowed.error());
    connection.subscribed = !connection.is_bus;
    return sd_bus_reply_method_return(message, "");
  }

  void gone(Connection& connection) {
    if (&connection == bus_.get()) {
      bus_.reset();
      join_later();
      return;
    }
    connections_.remove_if([&](const Connection& other) { return &other == &connection; });
  }

 private:
  void accept_from(int socket) {
    const int fd = accept4(socket, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    // Whom we turn away sees the connection close; there is nobody else to tell.
    (void)serve(fd);
  }

  bool full_for(const Peer& peer) const {
    if (peer.uid == 0) return false;
    const auto same = std::ranges::count_if(connections_, [&](const Connection& c) { return c.peer.uid == peer.uid; });
    return connections_.size() >= kConnections || static_cast<std::size_t>(same) >= kConnectionsOfAUser;
  }

  Result<void> start(Connection& connection, int socket) {
    sd_bus* made = nullptr;
    int r = sd_bus_new(&made);
    if (r < 0) {
      close(socket);
      return fail(bus_error(r, "cannot make a connection"));
    }
    connection.bus.reset(made);
    r = sd_bus_set_fd(made, socket, socket);
    if (r < 0) close(socket);
    sd_id128_t id{};
    if (r >= 0) r = sd_id128_randomize(&id);
    if (r >= 0) r = sd_bus_set_server(made, 1, id);
    if (r >= 0) r = put_interface(connection);
    if (r >= 0) r = sd_bus_start(made);
    if (r < 0) return fail(bus_error(r, "cannot start a connection"));
    return {};
  }

  int put_interface(Connection& connection) const {
    sd_bus* bus = connection.bus.get();
    int r = sd_bus_add_object_vtable(bus, nullptr, kObjectPath, kInterface, interface_table(), &connection);
    if (r >= 0)
      r = sd_bus_match_signal(bus, nullptr, nullptr, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                              "Disconnected", on_disconnected, &connection);
    if (r >= 0) r = sd_bus_attach_event(bus, loop_, SD_EVENT_PRIORITY_NORMAL);
    return r;
  }

  Result<void> join_now() {
    sd_bus* made = nullptr;
    int r = sd_bus_new(&made);
    bus_ = std::make_unique<Connection>(Connection{this, PeerBus(made), true, {}, true});
    if (r >= 0)
      r = sd_bus_set_address(made, address_.empty() ? "unix:path=/run/dbus/system_bus_socket" : address_.c_str());
    if (r >= 0) r = sd_bus_set_bus_client(made, 1);
    if (r >= 0) r = sd_bus_start(made);
    if (r >= 0) r = put_interface(*bus_);
    if (r >= 0) r = sd_bus_request_name(made, kBusName, 0);
    if (r < 0) {
      Error error = bus_error(r, fmt::format("cannot be {} on the message bus", kBusName));
      if (r == -EEXIST) error.remedy = "another nwfd has this name";
      return fail(std::move(error));
    }
    return {};
  }

  void join_later() {
    sd_event_source* made = nullptr;
    const int r = sd_event_add_time_relative(
        loop_, &made, CLOCK_MONOTONIC, kRejoinUs, 0,
        [](sd_event_source*, std::uint64_t, void* self) {
          auto* server = static_cast<SdBusServer*>(self);
          if (server->join_now()) return 0;
          server->bus_.reset();
          server->join_later();
          return 0;
        },
        this);
    if (r >= 0) rejoin_.reset(made);
  }

  Result<void> check(Connection& connection, sd_bus_message* message, Access access) const {
    if (!connection.is_bus) return allow(policy_, connection.peer, access);
    NWF_TRY(const Peer peer, sender_of(connection.bus.get(), message));
    return allow(policy_, peer, access);
  }

  /// The bus daemon knows who a sender is: the specification's GetConnectionCredentials.
  static Result<Peer> sender_of(sd_bus* bus, sd_bus_message* message) {
    sd_bus_message* made = nullptr;
    int r = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                               "GetConnectionCredentials", nullptr, &made, "s", sd_bus_message_get_sender(message));
    const Message reply(made);
    Peer peer;
    bool known = false;
    if (r >= 0) r = sd_bus_message_enter_container(made, 'a', "{sv}");
    while (r >= 0 && (r = sd_bus_message_enter_container(made, 'e', "sv")) > 0) {
      const char* key = nullptr;
      r = sd_bus_message_read_basic(made, 's', static_cast<void*>(&key));
      const void* groups = nullptr;
      std::size_t size = 0;
      if (r > 0 && std::strcmp(key, "UnixUserID") == 0) {
        std::uint32_t uid = 0;
        r = sd_bus_message_read(made, "v", "u", &uid);
        peer.uid = uid;
        known = r > 0;
      } else if (r > 0 && std::strcmp(key, "UnixGroupIDs") == 0) {
        r = sd_bus_message_enter_container(made, 'v', "au");
        if (r > 0) r = sd_bus_message_read_array(made, 'u', &groups, &size);
        if (r > 0) peer.groups.resize(size / sizeof(gid_t));
        if (r > 0 && size > 0) std::memcpy(peer.groups.data(), groups, size);
        if (r >= 0) r = sd_bus_message_exit_container(made);
      } else if (r > 0) {
        r = sd_bus_message_skip(made, "v");
      }
      if (r >= 0) r = sd_bus_message_exit_container(made);
    }
    if (r < 0 || !known) return fail(ErrorKind::Denied, "the message bus does not say who asks");
    return peer;
  }

  sd_event* loop_;
  host::Service& service_;
  Policy policy_;
  std::string address_;
  std::list<EventSource> listening_;
  std::list<Connection> connections_;
  std::unique_ptr<Connection> bus_;
  EventSource rejoin_;
};

int on_call(sd_bus_message* message, void* userdata, sd_bus_error*) {
  auto* connection = static_cast<Connection*>(userdata);
  return connection->server->call(*connection, message);
}

int on_subscribe(sd_bus_message* message, void* userdata, sd_bus_error*) {
  auto* connection = static_cast<Connection*>(userdata);
  return connection->server->subscribe(*connection, message);
}

int on_disconnected(sd_bus_message*, void* userdata, sd_bus_error*) {
  auto* connection = static_cast<Connection*>(userdata);
  connection->server->gone(*connection);
  return 0;
}

const sd_bus_vtable* interface_table() {
  static const std::vector<sd_bus_vtable> table = [] {
    std::vector<sd_bus_vtable> rows{SD_BUS_VTABLE_START(0)};
    for (const Method& method : methods())
      rows.push_back(SD_BUS_METHOD_WITH_NAMES(method.name, method.in.c_str(), method.arguments.c_str(),
                                              method.out.c_str(), , on_call, SD_BUS_VTABLE_UNPRIVILEGED));
    rows.push_back(SD_BUS_METHOD("Subscribe", "", "", on_subscribe, SD_BUS_VTABLE_UNPRIVILEGED));
    for (const auto& [kind, name] : signal_names())
      rows.push_back(SD_BUS_SIGNAL_WITH_NAMES(name.c_str(), kSignalSignature, kSignalArguments, 0));
    rows.push_back(SD_BUS_VTABLE_END);
    return rows;
  }();
  return table.data();
}

}  // namespace

std::unique_ptr<Server> Server::open(sd_event* loop, host::Service& service, Policy policy) {
  return std::make_unique<SdBusServer>(loop, service, std::move(policy));
}

}  // namespace nwf::rpc
