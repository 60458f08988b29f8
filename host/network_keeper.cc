// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/network_keeper.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "engine/ruleset/ruleset.h"
#include "host/backoff.h"
#include "host/networks.h"
#include "netlink/link_watch.h"
#include "netlink/nftables/monitor.h"
#include "store/write_file.h"

namespace nwf::host {
namespace {

using std::chrono::milliseconds;

/// Somebody who changes a network writes several files: one look after the last of them is enough.
constexpr milliseconds kSettled{50};
/// The tables in which other firewalls keep what they are told of networks (host/other_firewalls.h).
constexpr const char *kIptables = "filter", *kFirewalld = "firewalld";

class Keeper final : public NetworkKeeper {
 public:
  Keeper(const std::string& root, FindZones zones, std::unique_ptr<netlink::LinkWatch> links,
         std::unique_ptr<netlink::Monitor> rules, std::unique_ptr<netlink::Monitor> others, store::Descriptor documents,
         store::Descriptor leases)
      : store_(store::open_directory(root)),
        networks_(*store_, root, std::move(zones)),
        links_(std::move(links)),
        rules_(std::move(rules)),
        others_(std::move(others)),
        documents_(std::move(documents)),
        leases_(std::move(leases)) {}

  std::vector<int> descriptors() const override {
    std::vector<int> all{links_->descriptor(), rules_->descriptor(), others_->descriptor(), documents_.get(),
                         leases_.get()};
    for (const Networks::Server& server : servers_) all.push_back(server.process.get());
    return all;
  }

  Clock::time_point due() const override { return due_; }

  Result<void> look(Clock::time_point now) override {
    NWF_TRY(const auto events, links_->drain());
    const bool moved = std::any_of(events.begin(), events.end(), [&](const netlink::LinkEvent& event) {
      return is_ours(event.name) || is_ours(event.before) || is_ours(event.bridge);
    });
    NWF_TRY(const auto foreign, rules_->drain());
    NWF_TRY(const auto elsewhere, others_->drain());
    if (drain_leases()) by(now);  // the guest begins to use its address
    if (moved || foreign || (told_ && elsewhere) || drain_documents()) by(now + kSettled);
    for (auto server = servers_.begin(); server != servers_.end();) {
      if (!Dnsmasq::has_ended(server->process)) {
        ++server;
        continue;
      }
      by(restarts_[server->network].ended(now));
      server = servers_.erase(server);
    }
    return {};
  }

  Result<std::size_t> mend(Clock::time_point now) override {
    due_ = Clock::time_point::max();
    auto changes = networks_.net_reconcile();
    auto serving = networks_.serving();
    if (serving) {
      servers_ = std::move(serving->servers);
      bridges_ = std::move(serving->bridges);
      told_ = serving->others;
      if (watch(serving->leases)) by(now);  // for what came before it was watched
    }
    if (changes && !serving) changes = fail(serving.error());
    if (!changes) by(failures_.ended(now));
    return changes;
  }

 private:
  bool is_ours(const std::string& interface) const {
    return std::find(bridges_.begin(), bridges_.end(), interface) != bridges_.end();
  }
  void by(Clock::time_point when) { due_ = std::min(due_, when); }
  /// True when one of these files was not watched yet.
  bool watch(const std::vector<std::string>& files) {
    const std::set<std::string> before = std::exchange(leases_files_, {});
    for (const std::string& file : files) {
      const std::size_t name = file.rfind('/') + 1;
      leases_files_.insert(file.substr(name));
      (void)::inotify_add_watch(leases_.get(), file.substr(0, name).c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
    }
    return !std::includes(before.begin(), before.end(), leases_files_.begin(), leases_files_.end());
  }
  /// True when leases came or went that somebody is to be answered for by.
  bool drain_leases() {
    alignas(inotify_event) std::array<char, 4096> events{};
    bool any = false;
    for (ssize_t got; (got = ::read(leases_.get(), events.data(), events.size())) > 0;)
      for (ssize_t at = 0; at < got;) {
        inotify_event event{};
        std::memcpy(&event, events.data() + at, sizeof event);
        if (event.len > 0) any |= leases_files_.contains(std::string(events.data() + at + sizeof event));
        any |= (event.mask & IN_Q_OVERFLOW) != 0;
        at += static_cast<ssize_t>(sizeof event + event.len);
      }
    return any;
  }
  /// True when documents came or went.
  bool drain_documents() {
    std::array<char, 4096> events{};
    bool any = false;
    while (::read(documents_.get(), events.data(), events.size()) > 0) any = true;
    return any;
  }

  std::unique_ptr<store::Store> store_;
  Networks networks_;
  std::unique_ptr<netlink::LinkWatch> links_;
  std::unique_ptr<netlink::Monitor> rules_;
  std::unique_ptr<netlink::Monitor> others_;
  store::Descriptor documents_;
  store::Descriptor leases_;
  std::set<std::string> leases_files_;  ///< by name in their directory
  std::vector<Networks::Server> servers_;
  std::vector<std::string> bridges_;
  bool told_ = false;                        ///< other firewalls are told of a network
  std::map<std::string, Backoff> restarts_;  ///< by network
  Backoff failures_;
  Clock::time_point due_ = Clock::now();
};

}  // namespace

Result<std::unique_ptr<NetworkKeeper>> open_network_keeper(const std::string& root, FindZones zones) {
  NWF_TRY(auto links, netlink::LinkWatch::open());
  // None of the transactions is ours to leave out: after one of our own, there is nothing to mend.
  NWF_TRY(auto rules, netlink::Monitor::open(0, {std::string(kNetworksTableName)}));
  NWF_TRY(auto others, netlink::Monitor::open(0, {kIptables, kFirewalld}));
  store::Descriptor documents(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  store::Descriptor leases(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!leases) return fail(ErrorKind::Kernel, fmt::format("cannot watch leases: {}", std::strerror(errno)));
  // Who dies in the middle of a change leaves a document in the second.
  for (const char* below : {"/run/nwf/networks", "/run/nwf/networks/changing"}) {
    const std::string directory = root + below;
    NWF_CHECK(store::open_directory_fd(directory, true));
    if (!documents || ::inotify_add_watch(documents.get(), directory.c_str(), IN_MOVED_TO | IN_DELETE) < 0)
      return fail(ErrorKind::Kernel, fmt::format("cannot watch {}: {}", directory, std::strerror(errno)));
  }
  return std::make_unique<Keeper>(root, std::move(zones), std::move(links), std::move(rules), std::move(others),
                                  std::move(documents), std::move(leases));
}

}  // namespace nwf::host
