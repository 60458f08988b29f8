// SPDX-License-Identifier: GPL-2.0-or-later
// Answers libvirt in virtnwfilterd's place.
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "host/host.h"
#include "rpc/client.h"
#include "rpc/libvirt/server.h"
#include "tools/nwf-libvirt/sockets.h"

namespace nwf::tools {
namespace {

struct Settings {
  std::string root;
  std::string sockets;  ///< directory
  std::string group;
};

struct UnrefLoop {
  void operator()(sd_event* loop) const noexcept { sd_event_unref(loop); }
};

class Program {
 public:
  explicit Program(Settings settings) : settings_(std::move(settings)) {}

  Result<void> start() {
    sd_event* loop = nullptr;
    if (sd_event_new(&loop) < 0) return fail(ErrorKind::Kernel, "cannot make an event loop");
    loop_.reset(loop);
    for (const int signal : {SIGTERM, SIGINT}) NWF_CHECK(end_at(signal));
    host::Options options;
    options.root = settings_.root;
    NWF_TRY(whoever_, rpc::Whoever::open(options));
    NWF_CHECK(listen());
    sd_notify(0, "READY=1");
    return {};
  }

  Result<void> run() {
    if (sd_event_loop(loop_.get()) < 0) return fail(ErrorKind::Kernel, "the event loop failed");
    return {};
  }

 private:
  Result<void> end_at(int signal) {
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    sigprocmask(SIG_BLOCK, &one, nullptr);
    // Without a handler of ours sd-event ends the loop.
    if (sd_event_add_signal(loop_.get(), nullptr, signal, nullptr, nullptr) < 0)
      return fail(ErrorKind::Kernel, "cannot wait for signals");
    return {};
  }

  Result<void> listen() {
    server_ = rpc::libvirt::Server::open(loop_.get(), [this]() -> host::Service& { return whoever_->now(); }, {});
    const std::string path = settings_.sockets + "/virtnwfilterd-sock";
    // As libvirt's: who may only read may connect, for writing one is root or of the group.
    NWF_TRY(const int writes,
            listen_at({path, settings_.group.empty() ? mode_t{0700} : mode_t{0770}, settings_.group}));
    NWF_CHECK(server_->listen(writes, rpc::libvirt::Access::ReadWrite));
    NWF_TRY(const int reads, listen_at({path + "-ro", 0777, settings_.group}));
    return server_->listen(reads, rpc::libvirt::Access::ReadOnly);
  }

  Settings settings_;
  std::unique_ptr<sd_event, UnrefLoop> loop_;
  std::unique_ptr<rpc::Whoever> whoever_;
  std::unique_ptr<rpc::libvirt::Server> server_;
};

/// A crowd of clients needs descriptors; the soft limit is small for the sake of select(2), which is not used here.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int serve(Settings settings) {
  while (!settings.root.empty() && settings.root.back() == '/') settings.root.pop_back();
  if (settings.sockets.empty()) settings.sockets = settings.root + "/run/libvirt";
  raise_descriptor_limit();
  Program program(std::move(settings));
  auto done = program.start();
  if (done) done = program.run();
  if (done) return 0;
  std::cerr << "nwf-libvirt: " << describe_all(done.error()) << "\n";
  return 1;
}

}  // namespace
}  // namespace nwf::tools

int main(int argc, char** argv) {
  nwf::tools::Settings settings;
  CLI::App app{"Answers libvirt in virtnwfilterd's place."};
  app.set_version_flag("--version", "nwf-libvirt " NWF_VERSION);
  app.add_option("--root", settings.root, "work on the state below this directory instead of the host's");
  app.add_option("--sockets", settings.sockets, "directory of the sockets; ROOT/run/libvirt by default");
  app.add_option("--group", settings.group, "members of this group may change, as root may");
  CLI11_PARSE(app, argc, argv);
  return nwf::tools::serve(std::move(settings));
}
