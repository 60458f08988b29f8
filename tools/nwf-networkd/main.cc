// SPDX-License-Identifier: GPL-2.0-or-later
// nwf-networkd: keeps virtual networks that are up as they should be (host/network_keeper.h). It listens to nobody.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "host/network_keeper.h"
#include "rpc/firewalld.h"

namespace nwf::tools {
namespace {

constexpr int kDone = 0, kFailed = 1, kUsage = 2;

constexpr const char* kHelp =
    "Usage: nwf-networkd [--root DIR]\n"
    "\n"
    "Keeps the virtual networks that are up as they should be: starts dnsmasq again when it ends, mends bridges,\n"
    "rules and ports; and starts those marked with `nwfctl net autostart` at the first time after boot.\n"
    "\n"
    "  --root DIR   work on the state below this directory instead of the host's\n"
    "  --version    print the version\n"
    "\n"
    "SIGHUP: compare everything and mend it. SIGTERM: end; the networks stay up.\n";

void tell(std::string_view text) { fmt::print(stderr, "nwf-networkd: {}\n", text); }

int timeout(host::NetworkKeeper::Clock::time_point due) {
  using namespace std::chrono;
  using Clock = host::NetworkKeeper::Clock;
  if (due == Clock::time_point::max()) return -1;
  const auto left = ceil<milliseconds>(due - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

/// Until a signal ends it.
Result<void> keep(host::NetworkKeeper& keeper, int signals) {
  using Clock = host::NetworkKeeper::Clock;
  while (true) {
    if (keeper.due() <= Clock::now()) {
      const auto mended = keeper.mend(Clock::now());
      if (!mended)
        tell(nwf::describe_all(mended.error()));
      else if (*mended > 0)
        tell(fmt::format("the rules were mended with {} change{}", *mended, *mended == 1 ? "" : "s"));
    }
    std::vector<pollfd> waited{{signals, POLLIN, 0}};
    for (const int descriptor : keeper.descriptors()) waited.push_back({descriptor, POLLIN, 0});
    if (::poll(waited.data(), waited.size(), timeout(keeper.due())) < 0 && errno != EINTR)
      return fail(ErrorKind::Kernel, fmt::format("cannot wait: {}", std::strerror(errno)));
    if ((waited.front().revents & POLLIN) != 0) {
      signalfd_siginfo what{};
      if (::read(signals, &what, sizeof what) == sizeof what && what.ssi_signo != SIGHUP) return {};
      const auto mended = keeper.mend(Clock::now());
      if (!mended) tell(nwf::describe_all(mended.error()));
    }
    NWF_CHECK(keeper.look(Clock::now()));
  }
}

Result<void> run(const std::string& root) {
  umask(0022);
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  const int signals = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) return fail(ErrorKind::Kernel, fmt::format("cannot wait for signals: {}", std::strerror(errno)));
  NWF_TRY(const auto keeper, host::open_network_keeper(root, rpc::find_firewalld));
  return keep(*keeper, signals);
}

}  // namespace
}  // namespace nwf::tools

int main(int argc, char** argv) {
  using namespace nwf::tools;
  std::string root;
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--help" || words[i] == "-h") {
      fmt::print("{}", kHelp);
      return kDone;
    }
    if (words[i] == "--version") {
      fmt::print("nwf-networkd " NWF_VERSION "\n");
      return kDone;
    }
    if (words[i] != "--root" || i + 1 == words.size()) {
      tell(fmt::format("'{}'; see `nwf-networkd --help`", words[i]));
      return kUsage;
    }
    root = words[++i];
  }
  while (!root.empty() && root.back() == '/') root.pop_back();
  if (const auto ran = run(root); !ran) {
    tell(nwf::describe_all(ran.error()));
    return kFailed;
  }
  return kDone;
}
