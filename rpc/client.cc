// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "rpc/error.h"
#include "rpc/firewalld.h"
#include "rpc/names.h"
#include "rpc/shapes.h"
#include "rpc/signals.h"

namespace nwf::rpc {
namespace {

Result<std::unique_ptr<host::Service>> open_here(host::Options options) {
  if (!options.zones) options.zones = find_firewalld;
  return host::open(options);
}

/// A large reconcile takes a while; a daemon that hangs is ended by its watchdog before this.
constexpr std::uint64_t kPatienceUs = 120'000'000;

/// A conversation over a connection, which is the conversation's from now on.
Result<PeerBus> greet(int connection) {
  sd_bus* made = nullptr;
  int r = sd_bus_new(&made);
  PeerBus bus(made);
  if (r >= 0) r = sd_bus_set_fd(made, connection, connection);
  if (r < 0) close(connection);
  if (r >= 0) r = sd_bus_start(made);
  if (r < 0) return fail(bus_error(r, "cannot speak to nwfd"));
  return bus;
}

/// A conversation with whoever listens at `socket`; none when nobody does.
Result<PeerBus> knock(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) return PeerBus();
  std::memcpy(address.sun_path, socket.c_str(), socket.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(bus_error(errno, "cannot make a socket"));
  // sockets(7): every address begins like a sockaddr
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return PeerBus();
  }
  return greet(fd);
}

class Client final : public host::Service {
 public:
  Client(PeerBus bus, std::string socket, std::optional<host::Options> here)
      : bus_(std::move(bus)), socket_(std::move(socket)), here_(std::move(here)) {}

  /// The daemon closed the connection: it has ended.
  bool is_gone() const {
    pollfd connection{sd_bus_get_fd(bus_.get()), POLLRDHUP, 0};
    return poll(&connection, 1, 0) > 0;
  }

  Result<host::Defined> filter_define(const std::string& text, const std::string& file) override {
    return call<host::Defined>("FilterDefine", Blob{text}, file);
  }
  Result<std::vector<std::string>> filter_validate(const std::string& text, const std::string& file) override {
    return call<std::vector<std::string>>("FilterValidate", Blob{text}, file);
  }
  Result<host::FilterSummary> filter_undefine(const std::string& name) override {
    return call<host::FilterSummary>("FilterUndefine", name);
  }
  Result<std::string> filter_dumpxml(const std::string& name) override {
    return call<std::string>("FilterDumpXml", name);
  }
  Result<host::FilterSummary> filter_lookup(const std::string& name) override {
    return call<host::FilterSummary>("FilterLookup", name);
  }
  Result<std::vector<host::FilterSummary>> filter_list() override {
    return call<std::vector<host::FilterSummary>>("FilterList");
  }
  Result<host::Bound> binding_create(const std::string& text, const std::string& file) override {
    return call<host::Bound>("BindingCreate", Blob{text}, file);
  }
  Result<host::BindingSummary> binding_delete(const std::string& port) override {
    return call<host::BindingSummary>("BindingDelete", port);
  }
  Result<std::string> binding_dumpxml(const std::string& port) override {
    return call<std::string>("BindingDumpXml", port);
  }
  Result<host::BindingSummary> binding_lookup(const std::string& port) override {
    return call<host::BindingSummary>("BindingLookup", port);
  }
  Result<std::vector<host::BindingSummary>> binding_list() override {
    return call<std::vector<host::BindingSummary>>("BindingList");
  }
  Result<host::Bound> binding_set(const std::string& port, const Variables& values) override {
    return call<host::Bound>("BindingSet", port, values);
  }
  Result<host::PortRules> binding_rules(const std::string& port) override {
    return call<host::PortRules>("BindingRules", port);
  }
  Result<std::vector<host::PortDrops>> drops(const std::string& port) override {
    return call<std::vector<host::PortDrops>>("Drops", port);
  }
  Result<std::vector<host::LearnedAddress>> learned_list(const std::string& port) override {
    return call<std::vector<host::LearnedAddress>>("LearnedList", port);
  }
  Result<std::vector<host::LearnedAddress>> learned_forget(const std::string& port,
                                                           const std::string& address) override {
    return call<std::vector<host::LearnedAddress>>("LearnedForget", port, address);
  }
  Result<std::vector<host::LearnedAddress>> learned_set(const std::string& port,
                                                        const std::vector<std::string>& addresses) override {
    return call<std::vector<host::LearnedAddress>>("LearnedSet", port, addresses);
  }
  Result<host::GuestBound> guest_bind(const std::string& text, const std::string& file,
                                      host::GuestState state) override {
    return call<host::GuestBound>("GuestBind", Blob{text}, file, state);
  }
  Result<std::vector<host::BindingSummary>> guest_unbind(const std::string& name,
                                                         const std::optional<Mac>& unplugged) override {
    return call<std::vector<host::BindingSummary>>("GuestUnbind", name, unplugged);
  }
  Result<host::Applied> apply(const std::vector<host::Document>& documents, const host::Progress&) override {
    return call<host::Applied>("Apply", sent(documents));
  }
  Result<host::Applied> change(const std::vector<host::Document>& documents, const host::Removal& removal) override {
    return call<host::Applied>("Change", sent(documents), removal);
  }
  Result<host::Planned> plan(const std::vector<host::Document>& documents) override {
    return call<host::Planned>("Plan", sent(documents));
  }
  Result<host::Status> status() override {
    NWF_TRY(auto status, call<host::Status>("Status"));
    if (!may_network()) return status;
    NWF_TRY(host::NetworkService* const networks, this->networks());
    NWF_TRY(const auto differences, networks->net_differences());
    status.differences.insert(status.differences.end(), differences.begin(), differences.end());
    status.in_sync = status.differences.empty();
    return status;
  }
  Result<host::ExportedTables> export_iptables(const std::string& what, bool classic) override {
    return call<host::ExportedTables>("ExportIptables", what, classic);
  }
  Result<std::string> backend(const std::string& chosen) override {
    NWF_TRY(auto in_force, call<std::string>("Backend", chosen));
    if (chosen.empty() || !may_network()) return in_force;
    NWF_TRY(host::NetworkService* const networks, this->networks());
    NWF_CHECK(networks->net_reconcile());
    return in_force;
  }
  Result<std::size_t> reconcile() override {
    NWF_TRY(const auto changes, call<std::size_t>("Reconcile"));
    if (!may_network()) return changes;
    NWF_TRY(host::NetworkService* const networks, this->networks());
    NWF_TRY(const auto more, networks->net_reconcile());
    return changes + more;
  }
  Result<host::Figures> figures() override { return call<host::Figures>("Figures"); }
  /// Networks are in tables of their own and belong to no daemon: who asks for them works on them in this process.
  Result<host::NetworkService*> networks() override {
    if (!here_) return Service::networks();
    if (in_process_ == nullptr) {
      NWF_TRY(in_process_, open_here(*here_));
    }
    return in_process_->networks();
  }

  Result<void> watch(const std::function<bool(const host::Event&)>& on_event) override {
    struct Watching {
      const std::function<bool(const host::Event&)>& on_event;
      bool more = true;
    } watching{on_event};
    sd_bus_slot* made = nullptr;
    const int r = sd_bus_add_filter(
        bus_.get(), &made,
        [](sd_bus_message* message, void* userdata, sd_bus_error*) {
          auto* self = static_cast<Watching*>(userdata);
          std::uint8_t type = 0;
          sd_bus_message_get_type(message, &type);
          if (type != SD_BUS_MESSAGE_SIGNAL || !self->more) return 0;
          if (const auto event = read_signal(message)) self->more = self->on_event(*event);
          return 0;
        },
        &watching);
    const Slot slot(made);
    if (r < 0) return fail(bus_error(r, "cannot watch nwfd"));
    NWF_TRY(const Message reply, exchange("Subscribe", [](sd_bus_message*) { return 0; }));
    while (watching.more) NWF_CHECK(step());
    return {};
  }

 private:
  /// Whoever asks for networks works on them himself, for which nwfd's group is not enough.
  bool may_network() const { return here_ && ::geteuid() == 0; }
  static std::vector<SentDocument> sent(const std::vector<host::Document>& documents) {
    std::vector<SentDocument> all;
    all.reserve(documents.size());
    for (const host::Document& document : documents) all.push_back({document.file, Blob{document.text}});
    return all;
  }

  template <class R, class... A>
  Result<R> call(const char* method, const A&... arguments) {
    NWF_TRY(const Message reply, exchange(method, [&]([[maybe_unused]] sd_bus_message* m) {
              int r = 0;
              ((r = r < 0 ? r : Wire<A>::put(m, arguments)), ...);
              return r;
            }));
    R value{};
    if (const int r = Wire<R>::take(reply.get(), value); r < 0)
      return fail(bus_error(r, fmt::format("nwfd's answer to {} cannot be read", method)));
    return value;
  }

  /// Sends a call and waits for its answer. A call that could not be sent, because nwfd was started anew meanwhile, is
  /// sent to the new one; one that was sent is not, for nobody knows what came of it.
  template <class Put>
  Result<Message> exchange(const char* method, const Put& put) {
    bool unsent = false;
    auto reply = exchange_once(method, put, unsent);
    if (!unsent || socket_.empty()) return reply;
    NWF_TRY(auto bus, knock(socket_));
    if (bus == nullptr) return reply;
    bus_ = std::move(bus);
    return exchange_once(method, put, unsent);
  }

  /// sd_bus_call() would throw an error's structure away.
  template <class Put>
  Result<Message> exchange_once(const char* method, const Put& put, bool& unsent) {
    sd_bus_message* made = nullptr;
    int r = sd_bus_message_new_method_call(bus_.get(), &made, nullptr, kObjectPath, kInterface, method);
    const Message message(made);
    if (r >= 0) r = put(made);
    Message reply;
    sd_bus_slot* slot = nullptr;
    if (r >= 0)
      r = sd_bus_call_async(
          bus_.get(), &slot, made,
          [](sd_bus_message* answer, void* into, sd_bus_error*) {
            static_cast<Message*>(into)->reset(sd_bus_message_ref(answer));
            return 1;
          },
          &reply, kPatienceUs);
    const Slot waiting(slot);
    unsent = r == -ENOTCONN || r == -ECONNRESET;
    if (unsent) return fail(no_answer());
    if (r < 0) return fail(bus_error(r, fmt::format("cannot ask nwfd for {}", method)));
    while (reply == nullptr) NWF_CHECK(step());
    if (sd_bus_message_is_method_error(reply.get(), nullptr) != 0) return fail(read_error(reply.get()));
    return reply;
  }

  /// What came in, or waits until something does.
  Result<void> step() {
    int r = sd_bus_process(bus_.get(), nullptr);
    if (r == 0) r = sd_bus_wait(bus_.get(), UINT64_MAX);
    if (r == -EINTR) return {};
    if (r < 0) return fail(no_answer());
    return {};
  }

  PeerBus bus_;
  std::string socket_;                 ///< where an nwfd that is started anew answers; empty when that is not known
  std::optional<host::Options> here_;  ///< the host that the daemon works on, when it is this one
  std::unique_ptr<host::Service> in_process_;
};

Result<std::unique_ptr<Client>> connect_about(const std::string& socket, std::optional<host::Options> here) {
  NWF_TRY(auto bus, knock(socket));
  if (bus == nullptr) return std::unique_ptr<Client>();
  return std::make_unique<Client>(std::move(bus), socket, std::move(here));
}

class DaemonOrHost final : public Whoever {
 public:
  DaemonOrHost(host::Options options, std::unique_ptr<host::Service> host)
      : options_(std::move(options)), host_(std::move(host)) {}

  host::Service& now() override {
    if (daemon_ != nullptr && !daemon_->is_gone()) return *daemon_;
    // One that listens and does not answer as an nwfd does is none.
    daemon_ = connect_about(socket_path(options_.root), options_).value_or(nullptr);
    if (daemon_ != nullptr) return *daemon_;
    return *host_;
  }

 private:
  host::Options options_;
  std::unique_ptr<host::Service> host_;
  std::unique_ptr<Client> daemon_;
};

}  // namespace

Result<std::unique_ptr<Whoever>> Whoever::open(const host::Options& options) {
  NWF_TRY(auto host, open_here(options));
  return std::make_unique<DaemonOrHost>(options, std::move(host));
}

Result<std::unique_ptr<host::Service>> converse(int connection) {
  NWF_TRY(auto bus, greet(connection));
  return std::make_unique<Client>(std::move(bus), std::string(), std::nullopt);
}

Result<std::unique_ptr<host::Service>> connect(const std::string& socket) {
  return connect_about(socket, std::nullopt);
}

Result<std::unique_ptr<host::Service>> open(const host::Options& options) {
  NWF_TRY(auto daemon, connect_about(socket_path(options.root), options));
  if (daemon != nullptr) return daemon;
  return open_here(options);
}

}  // namespace nwf::rpc
