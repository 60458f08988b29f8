// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfd/daemon.h"

#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <memory>

#include "host/backoff.h"
#include "host/follower.h"
#include "host/guarded.h"
#include "host/observed.h"
#include "rpc/handles.h"
#include "rpc/names.h"
#include "rpc/server.h"
#include "tools/nwfd/journal.h"
#include "tools/nwfd/learning.h"
#include "tools/nwfd/metrics.h"
#include "tools/nwfd/sandbox.h"
#include "tools/nwfd/sockets.h"

namespace nwf::tools {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kToldUntilTrim = 500;

std::uint64_t wall_clock_us() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<microseconds>(system_clock::now().time_since_epoch()).count());
}

std::uint64_t us_since(Clock::time_point start) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
}

class Daemon {
 public:
  explicit Daemon(const DaemonOptions& options) : options_(options) {}
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon() {
    for (const std::string& path : own_sockets_) unlink(path.c_str());
    if (lock_ >= 0) close(lock_);
  }

  Result<void> start() {
    sd_event* loop = nullptr;
    if (sd_event_new(&loop) < 0) return fail(ErrorKind::Kernel, "cannot make an event loop");
    loop_.reset(loop);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) NWF_CHECK(on_signal(signal));
    // Everybody who connects finds a daemon that holds the lock and has compared kernel and state.
    const std::string path = rpc::socket_path(options_.root);
    NWF_TRY(lock_, lock_daemon(path));
    NWF_CHECK(open_host());
    NWF_CHECK(open_server(path));
    // Here a process parts that may start others, before it is given up: nothing in this one can from now on.
    if (options_.sandbox) NWF_CHECK(enter_sandbox());
    reconcile("at the start");
    open_learner();
    if (follower_ != nullptr) tell_notes(follower_->begin());
    sd_event_set_watchdog(loop, 1);
    sd_notify(0, "READY=1");
    journal_.tell(fmt::format("ready; the kernel's tables are {}", whose_tables()));
    return {};
  }

  Result<void> run() {
    const int r = sd_event_loop(loop_.get());
    sd_notify(0, "STOPPING=1");
    if (r < 0) return fail(ErrorKind::Kernel, "the event loop failed");
    return {};
  }

 private:
  using Handler = void (Daemon::*)();

  template <Handler handler>
  Result<void> on_readable(int descriptor, const char* what, std::int64_t priority = SD_EVENT_PRIORITY_NORMAL) {
    const auto call = [](sd_event_source*, int, std::uint32_t, void* self) {
      (static_cast<Daemon*>(self)->*handler)();
      return 0;
    };
    sd_event_source* made = nullptr;
    if (sd_event_add_io(loop_.get(), &made, descriptor, EPOLLIN, call, this) < 0)
      return fail(ErrorKind::Kernel, fmt::format("cannot watch {}", what));
    sd_event_source_set_priority(made, priority);
    sd_event_source_set_floating(made, 1);
    sd_event_source_unref(made);
    return {};
  }

  Result<void> on_signal(int signal) {
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    sigprocmask(SIG_BLOCK, &one, nullptr);
    const auto handler = [](sd_event_source*, const signalfd_siginfo* what, void* self) {
      return static_cast<Daemon*>(self)->handle(static_cast<int>(what->ssi_signo));
    };
    if (sd_event_add_signal(loop_.get(), nullptr, signal, handler, this) < 0)
      return fail(ErrorKind::Kernel, "cannot wait for signals");
    return {};
  }

  int handle(int signal) {
    if (signal != SIGHUP) return sd_event_exit(loop_.get(), 0);
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    // systemd wants to know when the reload began: sd_notify(3)
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
               static_cast<unsigned long long>(now.tv_sec) * 1'000'000ULL +
                   static_cast<unsigned long long>(now.tv_nsec) / 1000ULL);
    reconcile("at SIGHUP");
    if (learning_ != nullptr) learning_->all_changed();
    sd_notify(0, "READY=1");
    return 0;
  }

  Result<void> open_host() {
    host::Options host_options;
    host_options.root = options_.root;
    host_options.learning = options_.learning;
    host_options.backend = options_.backend;
    host_options.networks = false;  // they start dnsmasq and turn the host's switches, which nwfd may not
    host_options.own_tables = options_.guard == Guard::Owned;
    const auto on_transaction = [this](std::uint64_t us, bool applied) {
      if (applied)
        figures_.transactions.add(us);
      else
        ++figures_.transactions_refused;
    };
    NWF_TRY(host_, host::open_guarded(host_options, on_transaction));
    service_ = host::observe(host_->service(), {[this](const host::Event& event) { done(event); }, wall_clock_us,
                                                [this] { return figures(); }});
    // A new port, and a guest's end, come before whatever a client asks for meanwhile.
    constexpr std::int64_t kFirst = SD_EVENT_PRIORITY_IMPORTANT;
    NWF_CHECK(on_readable<&Daemon::follow_ports>(host_->links_descriptor(), "interfaces", kFirst));
    if (options_.follow_guests) {
      NWF_TRY(follower_, host::Follower::open(*service_, options_.root, options_.hotplug));
      for (const int descriptor : follower_->descriptors())
        NWF_CHECK(on_readable<&Daemon::follow_ports>(descriptor, "guests and networks", kFirst));
    }
    if (options_.guard == Guard::Shared) return {};
    return on_readable<&Daemon::heal>(host_->rules_descriptor(), "nf_tables");
  }

  Result<void> open_server(const std::string& path) {
    rpc::Policy policy;
    policy.others_read = options_.others_read;
    if (!options_.group.empty()) {
      NWF_TRY(policy.group, group_of(options_.group));
      policy.group_name = options_.group;
    }
    const auto activated = activated_sockets();
    const auto socket = [&](const char* name, const std::string& at, bool others) -> Result<int> {
      if (const auto given = activated.find(name); given != activated.end()) return given->second;
      NWF_TRY(const int made, listen_at(at, policy.group, others));
      own_sockets_.push_back(at);
      return made;
    };
    server_ = rpc::Server::open(loop_.get(), *service_, policy);
    NWF_TRY(const int answering, socket("nwfd.socket", path, policy.others_read));
    NWF_CHECK(server_->listen(answering));
    const std::string metrics_path = path.substr(0, path.rfind('/')) + "/metrics.socket";
    NWF_TRY(const int counting, socket("metrics.socket", metrics_path, policy.others_read));
    const auto text = [this]() -> Result<std::string> { return figures().map(to_openmetrics); };
    NWF_TRY(metrics_, MetricsSocket::open(loop_.get(), counting, text));
    if (options_.bus == "none") return {};
    // Without the bus the private socket is there all the same.
    if (auto joined = server_->join(options_.bus == "system" ? "" : options_.bus); !joined)
      journal_.tell(joined.error(), "without a message bus");
    return {};
  }

  /// Without it ports that wait for an address go on waiting, and the rest works.
  void open_learner() {
    auto learner = host_->open_learner([this](const host::Believed& believed) { tell_learned(believed); });
    const auto on_error = [this](const Error& error) { journal_.tell(error, "cannot learn addresses"); };
    if (!learner) return on_error(learner.error());
    auto learning = LearningLoop::open(loop_.get(), std::move(*learner), on_error);
    if (!learning) return on_error(learning.error());
    learning_ = std::move(*learning);
  }

  void tell_learned(const host::Believed& believed) {
    if (believed.error) {
      tell({host::EventKind::Refused,
            wall_clock_us(),
            believed.port,
            {},
            fmt::format("port {}: what it learned is not in force: {}", believed.port, nwf::describe(*believed.error)),
            {{"verb", "learn"}}});
      return;
    }
    const auto told = [&](const learn::Beliefs& some, const learn::Beliefs& others, host::EventKind kind,
                          auto&& words) {
      for (const learn::Belief& belief : some) {
        const bool both = std::any_of(others.begin(), others.end(), [&](const learn::Belief& other) {
          return other.address == belief.address && other.prefix == belief.prefix;
        });
        if (both) continue;
        const std::string address = learn::address_text(belief.address);
        tell({kind,
              wall_clock_us(),
              believed.port,
              {},
              words(address),
              {{"address", address},
               {"source", std::string(learn::source_name(belief.source))},
               {"server", belief.server}}});
      }
    };
    told(believed.after, believed.before, host::EventKind::Learned,
         [&](const std::string& address) { return fmt::format("port {} has learned {}", believed.port, address); });
    told(believed.before, believed.after, host::EventKind::Expired,
         [&](const std::string& address) { return fmt::format("port {} no longer has {}", believed.port, address); });
  }

  /// Somebody did something: told, and looked at for what it means to the ports that learn.
  void done(const host::Event& event) {
    tell(event);
    if (learning_ == nullptr || event.kind == host::EventKind::Refused) return;
    if (event.port.empty())
      learning_->all_changed();
    else
      learning_->changed(event.port);
  }

  /// Compares everything and mends it. A failure is told, and tried again, later each time: the daemon is there to
  /// answer why.
  std::optional<std::size_t> reconcile(const std::string& when) {
    auto done = host_->service().reconcile();
    if (done) {
      retry_.reset();
      return *done;
    }
    journal_.tell(done.error(), fmt::format("cannot compare state and kernel {}", when));
    sd_event_source* made = nullptr;
    const auto again = [](sd_event_source*, std::uint64_t, void* self) {
      static_cast<Daemon*>(self)->reconcile("again");
      return 0;
    };
    const Clock::time_point now = Clock::now();
    const auto wait = std::chrono::ceil<std::chrono::microseconds>(retries_.ended(now) - now);
    if (sd_event_add_time_relative(loop_.get(), &made, CLOCK_MONOTONIC, static_cast<std::uint64_t>(wait.count()), 0,
                                   again, this) >= 0)
      retry_.reset(made);
    return std::nullopt;
  }

  /// Somebody wrote nf_tables.
  void heal() {
    const Clock::time_point start = Clock::now();
    auto intrusion = host_->intrusion();
    if (!intrusion) {
      journal_.tell(intrusion.error(), "cannot see who changes nf_tables");
      sd_event_exit(loop_.get(), 1);  // blind: better to be started anew
      return;
    }
    if (!*intrusion) return;
    const auto changes = reconcile("after somebody else's change");
    if (!changes || *changes == 0) return;
    const std::uint64_t us = us_since(start);
    figures_.heals.add(us);
    const host::Intrusion& who = **intrusion;
    host::Event event{host::EventKind::Healed, wall_clock_us(), {}, {}, {}, {}};
    const std::string by = who.program.empty() ? "somebody"
                           : who.pid == 0      ? who.program
                                               : fmt::format("{} ({})", who.program, who.pid);
    event.text = fmt::format("{} changed nwf's tables; healed in {:.1f} ms with {} change{}", by,
                             static_cast<double>(us) / 1000, *changes, *changes == 1 ? "" : "s");
    event.more = {{"program", who.program},
                  {"pid", fmt::to_string(who.pid)},
                  {"changes", fmt::to_string(*changes)},
                  {"us", fmt::to_string(us)}};
    tell(event);
  }

  /// Interfaces or guests' files changed.
  void follow_ports() {
    auto news = host_->link_news();
    if (!news) {
      journal_.tell(news.error(), "cannot follow interfaces");
      sd_event_exit(loop_.get(), 1);
      return;
    }
    for (const host::LinkNews& each : *news) {
      tell_link(each, each.name);
      if (each.kind == host::LinkNews::Kind::Renamed) tell_link(each, each.before);
      // The next guest on a TAP of this name has addresses of its own.
      if (each.kind == host::LinkNews::Kind::Gone && each.tap) forget_learned(each.name);
    }
    if (follower_ != nullptr) tell_notes(follower_->turn(*news));
    if (learning_ != nullptr) learning_->links_changed();
  }

  void tell_notes(const std::vector<host::HotplugNote>& notes) {
    for (const host::HotplugNote& note : notes)
      journal_.tell(note.port.empty() ? note.text : fmt::format("port {}: {}", note.port, note.text));
  }

  void forget_learned(const std::string& port) {
    const auto learned = host_->service().learned_list(port);
    if (!learned || learned->empty()) return;
    if (const auto done = service_->learned_forget(port, {}); !done)
      journal_.tell(done.error(), "cannot forget what a guest that is gone had");
    if (learning_ != nullptr) learning_->changed(port);
  }

  /// Of interfaces, only bound ports are news.
  void tell_link(const host::LinkNews& news, const std::string& port) {
    using Kind = host::LinkNews::Kind;
    const auto binding = host_->service().binding_lookup(port);
    if (!binding) return;
    host::Event event{host::EventKind::PortAppeared, wall_clock_us(), port, binding->filter, {}, {}};
    if (!news.bridge.empty()) event.more.emplace("bridge", news.bridge);
    switch (news.kind) {
      case Kind::Appeared:
        event.text = fmt::format("port {} is there, guarded by filter {}", port, binding->filter);
        break;
      case Kind::Gone:
        event.kind = host::EventKind::PortGone;
        event.text = fmt::format("port {} is gone", port);
        break;
      case Kind::Renamed:
        event.kind = host::EventKind::PortRenamed;
        event.more.emplace("before", news.before);
        event.text =
            port == news.name
                ? fmt::format("interface {} is now port {}, guarded by filter {}", news.before, port, binding->filter)
                : fmt::format("port {} is now called {}, and not guarded by this binding", port, news.name);
        break;
      case Kind::Moved:
        event.kind = host::EventKind::PortMoved;
        event.more.emplace("before", news.before);
        event.text = fmt::format("port {} moved from {} to {}", port, news.before.empty() ? "no bridge" : news.before,
                                 news.bridge.empty() ? "no bridge" : news.bridge);
        break;
    }
    tell(event);
  }

  void tell(const host::Event& event) {
    ++figures_.events[std::string(host::event_name(event.kind))];
    journal_.tell(event);
    if (server_ != nullptr) server_->tell(event);
    if (++told_ >= kToldUntilTrim) give_back_memory();
  }

  /// A change of many ports needs much memory for a moment; malloc would keep it in pieces between what stays.
  void give_back_memory() {
    told_ = 0;
    const auto when_idle = [](sd_event_source*, void*) {
      malloc_trim(0);
      return 0;
    };
    sd_event_source* made = nullptr;
    if (trim_ == nullptr && sd_event_add_defer(loop_.get(), &made, when_idle, nullptr) >= 0) {
      trim_.reset(made);
      sd_event_source_set_priority(made, SD_EVENT_PRIORITY_IDLE);
    }
    if (trim_ != nullptr) sd_event_source_set_enabled(trim_.get(), SD_EVENT_ONESHOT);
  }

  const char* whose_tables() const {
    if (host_->owns_tables()) return "owned";
    return options_.guard == Guard::Shared ? "shared" : "watched";
  }

  Result<host::Figures> figures() {
    host::Figures now = figures_;
    now.version = NWF_VERSION;
    now.tables = whose_tables();
    now.uptime_us = us_since(started_);
    // proc(5): statm counts pages; the second number is what is resident
    std::uint64_t total = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    now.resident_bytes = resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    now.clients = server_->connections();
    if (learning_ != nullptr) now.learner = learning_->figures();
    NWF_TRY(now.ports, host_->ports());
    NWF_TRY(now.drops, host_->service().drops({}));
    return now;
  }

  DaemonOptions options_;
  Clock::time_point started_ = Clock::now();
  host::Figures figures_;  ///< the counters; the rest is found out when asked for
  Journal journal_;
  int lock_ = -1;
  std::vector<std::string> own_sockets_;
  rpc::Loop loop_;
  std::unique_ptr<host::Guarded> host_;
  std::unique_ptr<host::Service> service_;
  std::unique_ptr<LearningLoop> learning_;
  std::unique_ptr<host::Follower> follower_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<MetricsSocket> metrics_;
  rpc::EventSource retry_;
  host::Backoff retries_;
  rpc::EventSource trim_;
  std::size_t told_ = 0;  ///< events since memory was given back
};

}  // namespace

Result<void> run_daemon(const DaemonOptions& options) {
  // Whoever started us may have left anything: files are 0644 and 0600, and a reader that goes is an error, no end.
  umask(0022);
  ::signal(SIGPIPE, SIG_IGN);
  Daemon daemon(options);
  NWF_CHECK(daemon.start());
  return daemon.run();
}

}  // namespace nwf::tools
