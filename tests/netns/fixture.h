// SPDX-License-Identifier: GPL-2.0-or-later
// A throwaway host for each test: a namespace, a bridge, guests on TAPs, a store in memory. With NWFD in the
// environment an nwfd of its own serves it, and every test speaks to that.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "host/host.h"
#include "netlink/nftables/backend.h"
#include "tests/harness/network.h"
#include "tests/harness/packet.h"
#include "tests/harness/scratch.h"
#include "tests/netns/running_daemon.h"

namespace nwf::test {

/// Fails the test with the error's text.
#define NWF_ASSERT_OK(expression)                                                     \
  do {                                                                                \
    const auto& nwf_checked = (expression);                                           \
    ASSERT_TRUE(nwf_checked.has_value()) << ::nwf::describe_all(nwf_checked.error()); \
  } while (false)

struct Guest {
  std::string mac;
  std::string ip;
};

class HostTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto scratch = make_scratch_directory();
    if (!scratch && scratch.error().kind == ErrorKind::Denied)
      GTEST_SKIP() << "needs root: " << describe(scratch.error());
    NWF_ASSERT_OK(scratch);
    root_ = *scratch;
    NWF_ASSERT_OK(enter_new_namespace());
    NWF_ASSERT_OK(make_bridge("br0"));
    start();
    if (HasFatalFailure()) return;
    auto backend = netlink::open_nftables();
    NWF_ASSERT_OK(backend);
    backend_ = std::move(*backend);
  }

  /// A service of `root_`, and before it the daemon where there is to be one.
  void start() {
    if (const char* program = std::getenv("NWFD")) {
      auto daemon = RunningDaemon::start(program, root_);
      NWF_ASSERT_OK(daemon);
      daemon_ = std::move(*daemon);
    }
    auto service = open_service();
    NWF_ASSERT_OK(service);
    service_ = std::move(*service);
  }
  /// Until start(): whoever holds files of the root open lets go of them.
  void stop() {
    service_.reset();
    daemon_.reset();
  }

  /// After every test the kernel holds what the state says, found by computing it all anew.
  void TearDown() override {
    if (service_ == nullptr || !compare_at_end_) return;
    const auto status = service_->status();
    NWF_ASSERT_OK(status);
    EXPECT_TRUE(status->in_sync) << ::testing::PrintToString(status->differences);
  }

  host::Options options() const {
    host::Options options;
    options.root = root_;
    return options;
  }

  /// The host in this process or, where NWFD of the environment names the daemon, by way of it.
  Result<std::unique_ptr<host::Service>> open_service() const {
    if (daemon_ != nullptr) return daemon_->connect();
    return host::open(options());
  }

  void add_guest(const std::string& port) {
    auto tap = Tap::open(port);
    NWF_ASSERT_OK(tap);
    taps_.emplace(port, std::move(*tap));
    NWF_ASSERT_OK(add_port("br0", port));
  }

  Tap& tap(const std::string& port) { return taps_.at(port); }

  static std::string binding(const std::string& port, const Guest& guest, const std::string& filter,
                             const std::string& parameters = "") {
    return "<filterbinding><portdev name='" + port + "'/><mac address='" + guest.mac + "'/><filterref filter='" +
           filter + "'><parameter name='IP' value='" + guest.ip + "'/>" + parameters + "</filterref></filterbinding>";
  }

  /// True when the frame comes out of the other port.
  bool passes(const std::string& from, const std::string& to, const Bytes& frame, const Bytes& tag) {
    tap(to).drain();
    const auto sent = tap(from).send(frame);
    EXPECT_TRUE(sent.has_value());
    return arrives(tap(to), tag);
  }

  bool udp_passes(const std::string& from, const std::string& to, const Guest& source, const Guest& target,
                  Udp udp = {}) {
    const Bytes tag = next_tag();
    return passes(from, to, udp_frame({source.mac, target.mac}, source.ip, target.ip, udp, tag), tag);
  }
  bool tcp_passes(const std::string& from, const std::string& to, const Guest& source, const Guest& target,
                  const Tcp& tcp) {
    const Bytes tag = next_tag();
    return passes(from, to, tcp_frame({source.mac, target.mac}, source.ip, target.ip, tcp, tag), tag);
  }

  /// Each binding as PORT=FILTER.
  std::vector<std::string> bound() {
    std::vector<std::string> ports;
    const auto list = service_->binding_list();
    if (list)
      for (const auto& binding : *list) ports.push_back(binding.port + "=" + binding.filter);
    return ports;
  }

  std::size_t kernel_rules() {
    const auto held = backend_->read();
    if (!held) return 0;
    std::size_t rules = 0;
    for (const auto& [family, table] : held->ruleset.tables)
      for (const auto& [name, chain] : table.chains) rules += chain.rules.size();
    return rules;
  }

  std::string root_;
  std::unique_ptr<RunningDaemon> daemon_;
  std::unique_ptr<host::Service> service_;
  std::unique_ptr<Backend> backend_;
  std::map<std::string, Tap> taps_;
  bool compare_at_end_ = true;
  const Guest one_{"52:54:00:00:00:01", "192.0.2.1"};
  const Guest two_{"52:54:00:00:00:02", "192.0.2.2"};
  const Guest other_{"52:54:00:00:00:99", "192.0.2.99"};
};

}  // namespace nwf::test
