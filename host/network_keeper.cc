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
  Keeper(const std::string& root, std::unique_ptr<netlink::LinkWatch> links, std::unique_ptr<netlink::Monitor> rules,
         std::unique_ptr<netlink::Monitor> others, store::Descriptor documents)
      : store_(store::open_directory(root)),
        networks_(*store_, root),
        links_(std::move(links)),
        rules_(std::move(rules)),
        others_(std::move(others)),
        documents_(std::move(documents)) {}

  std::vector<int> descriptors() const override {
    std::vector<int> all{links_->descriptor(), rules_->descriptor(), others_->descriptor(), documents_.get()};
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
  std::vector<Networks::Server> servers_;
  std::vector<std::string> bridges_;
  bool told_ = false;                        ///< other firewalls are told of a network
  std::map<std::string, Backoff> restarts_;  ///< by network
  Backoff failures_;
  Clock::time_point due_ = Clock::now();
};

}  // namespace

Result<std::unique_ptr<NetworkKeeper>> open_network_keeper(const std::string& root) {
  NWF_TRY(auto links, netlink::LinkWatch::open());
  // None of the transactions is ours to leave out: after one of our own, there is nothing to mend.
  NWF_TRY(auto rules, netlink::Monitor::open(0, {std::string(kNetworksTableName)}));
  NWF_TRY(auto others, netlink::Monitor::open(0, {kIptables, kFirewalld}));
  store::Descriptor documents(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  // Who dies in the middle of a change leaves a document in the second.
  for (const char* below : {"/run/nwf/networks", "/run/nwf/networks/changing"}) {
    const std::string directory = root + below;
    NWF_CHECK(store::open_directory_fd(directory, true));
    if (!documents || ::inotify_add_watch(documents.get(), directory.c_str(), IN_MOVED_TO | IN_DELETE) < 0)
      return fail(ErrorKind::Kernel, fmt::format("cannot watch {}: {}", directory, std::strerror(errno)));
  }
  return std::make_unique<Keeper>(root, std::move(links), std::move(rules), std::move(others), std::move(documents));
}

}  // namespace nwf::host
