// SPDX-License-Identifier: GPL-2.0-or-later
// Others who write the kernel's rules beside nwfd: each wipe that hosts know, with the real programs, under a stream of
// forged frames. Where the kernel lets nwfd own its tables none comes through; elsewhere the daemon heals, and the test
// prints how fast.
#include <fmt/format.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include "tests/harness/process.h"
#include "tests/netns/fixture.h"
#include "tests/netns/forged_stream.h"

namespace nwf::test {
namespace {

using Clock = ForgedStream::Clock;

/// The exit code of a program of the host, 127 when there is none.
int run(const std::vector<std::string>& argv) {
  const auto ran = run_program(argv);
  return ran ? ran->code : 127;
}

/// Whose tables a wipe takes.
enum class Takes { OthersAlone, OursToo, OursAlone };

struct Wipe {
  const char* name;
  Takes takes;
  std::vector<std::vector<std::string>> commands;
};

class GuardNetns : public HostTest {
 protected:
  void SetUp() override {
    if (std::getenv("NWFD") == nullptr) GTEST_SKIP() << "needs NWFD, the daemon's program, in the environment";
    HostTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    for (const char* port : {"vnet0", "vnet1", "lan0"}) add_guest(port);
    NWF_ASSERT_OK(forget_addresses("br0"));
    NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "one.xml"));
    NWF_ASSERT_OK(service_->binding_create(binding("vnet1", two_, "no-mac-spoofing"), "two.xml"));
  }

  /// The daemon anew, with these options, after this end.
  void restart(const std::vector<std::string>& options, int signal = SIGTERM) {
    service_.reset();
    daemon_->stop(signal);
    auto daemon = RunningDaemon::start(std::getenv("NWFD"), root_, options);
    NWF_ASSERT_OK(daemon);
    daemon_ = std::move(*daemon);
    auto service = open_service();
    NWF_ASSERT_OK(service);
    service_ = std::move(*service);
  }

  std::unique_ptr<ForgedStream> forge() {
    const Bytes tag = next_tag();
    tap("lan0").drain();
    return std::make_unique<ForgedStream>(tap("vnet0"), tap("lan0"),
                                          udp_frame({one_.mac, other_.mac}, two_.ip, other_.ip, {}, tag), tag);
  }

  std::string file(const std::string& name, const std::string& text) const {
    const std::string path = root_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  std::string tables() const { return service_->figures()->tables; }

  std::vector<Wipe> wipes() const {
    // Debian's nftables.service: stop is `nft flush ruleset`, start is `nft -f /etc/nftables.conf`, which begins so.
    const std::string nftables = file("nftables.conf",
                                      "flush ruleset\ntable inet filter {\n chain input {\n"
                                      "  type filter hook input priority filter;\n }\n}\n");
    const std::string iptables = file("rules.v4",
                                      "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n"
                                      ":OUTPUT ACCEPT [0:0]\nCOMMIT\n*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n");
    const std::string chain = "clean-traffic.eth-out";
    return {
        {"nft flush ruleset", Takes::OursToo, {{"nft", "flush", "ruleset"}}},
        {"nftables restart", Takes::OursToo, {{"nft", "flush", "ruleset"}, {"nft", "-f", nftables}}},
        {"iptables restart",
         Takes::OthersAlone,
         {{"iptables-nft", "-F"},
          {"iptables-nft", "-X"},
          {"iptables-nft", "-t", "nat", "-F"},
          {"iptables-nft", "-P", "FORWARD", "ACCEPT"},
          {"iptables-nft-restore", iptables}}},
        {"iptables-restore (legacy)", Takes::OthersAlone, {{"iptables-legacy-restore", iptables}}},
        {"ebtables -F", Takes::OthersAlone, {{"ebtables-nft", "-F"}, {"ebtables-nft", "-X"}}},
        {"delete table", Takes::OursAlone, {{"nft", "delete", "table", "bridge", "nwf"}}},
        {"flush table", Takes::OursAlone, {{"nft", "flush", "table", "bridge", "nwf"}}},
        {"flush chain", Takes::OursAlone, {{"nft", "flush", "chain", "bridge", "nwf", chain}}},
        {"flush base chain", Takes::OursAlone, {{"nft", "flush", "chain", "bridge", "nwf", "guest-out.ethernet"}}},
        {"a rule in front",
         Takes::OursAlone,
         {{"nft", "insert", "rule", "bridge", "nwf", "guest-out.ethernet", "accept"}}},
        {"delete element",
         Takes::OursAlone,
         {{"nft", "delete", "element", "bridge", "nwf", "ports.clean-traffic", "{ \"vnet0\" }"}}},
        {"add element",
         Takes::OursAlone,
         {{"nft", "add", "element", "bridge", "nwf", "v.IP.ipv4", "{ \"vnet0\" . " + two_.ip + " }"}}},
        {"flush set", Takes::OursAlone, {{"nft", "flush", "set", "bridge", "nwf", "ports.clean-traffic"}}},
    };
  }

  void wipe_everything() {
    const bool owned = tables() == "owned";
    std::cout << "tables " << tables() << "\n";
    for (const Wipe& wipe : wipes()) {
      const auto stream = forge();
      ASSERT_TRUE(wait_for([&] { return stream->sent() > 100; }));
      ASSERT_EQ(stream->leaked(), 0U) << "before " << wipe.name;
      const auto heals = service_->figures()->heals;
      const Clock::time_point start = Clock::now();
      int last = 0;
      for (const auto& command : wipe.commands) last = run(command);
      // When the commands are done the kernel holds what it should again, or will.
      ASSERT_TRUE(wait_for([&] { return service_->status()->in_sync; }, std::chrono::seconds(20))) << wipe.name;
      const auto at = stream->sent();
      ASSERT_TRUE(wait_for([&] { return stream->sent() > at + 200; })) << "the stream stopped";
      const auto leaked = stream->leaked();
      const auto until = std::chrono::duration_cast<std::chrono::microseconds>(stream->last_leak() - start).count();
      stream->stop();
      const auto now = service_->figures()->heals;
      std::cout << fmt::format("{:<26} exit {:<3} {} of {} forged frames passed", wipe.name, last, leaked,
                               stream->sent());
      if (leaked > 0)
        std::cout << fmt::format(", the last {:.1f} ms after the command began", static_cast<double>(until) / 1000);
      if (now.count > heals.count)
        std::cout << fmt::format("; healed in {:.1f} ms", static_cast<double>(now.sum_us - heals.sum_us) / 1000 /
                                                              static_cast<double>(now.count - heals.count));
      std::cout << "\n";
      // Where it could do what it wanted there was something to heal; else this looks at nothing.
      EXPECT_EQ(last != 0, owned && wipe.takes == Takes::OursAlone) << wipe.name << ": exit code " << last;
      EXPECT_EQ(now.count > heals.count, !owned && wipe.takes != Takes::OthersAlone) << wipe.name;
      if (owned || wipe.takes == Takes::OthersAlone) {
        EXPECT_EQ(leaked, 0U) << wipe.name;
      }
      EXPECT_FALSE(udp_passes("vnet0", "lan0", {one_.mac, two_.ip}, other_)) << "after " << wipe.name;
      EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_)) << "after " << wipe.name;
    }
  }
};

TEST_F(GuardNetns, NobodyWipesRulesThatAreOwned) {
  if (tables() != "owned") GTEST_SKIP() << "this kernel has no tables that are owned and persist";
  wipe_everything();
}

TEST_F(GuardNetns, WhatIsWipedIsHealed) {
  ASSERT_NO_FATAL_FAILURE(restart({"--tables=watched"}));
  ASSERT_EQ(tables(), "watched");
  wipe_everything();
}

/// Debian's firewalld, on a message bus of the test's own, its files below the test's directory: started, reloaded both
/// ways, ended. scripts/unpack-firewalld has it without installing it, which would guard the machine itself.
TEST_F(GuardNetns, FirewalldBesideItChangesNothing) {
  if (run({"firewalld", "--help"}) != 0) GTEST_SKIP() << "skipped: needs firewalld";
  if (run({"dbus-daemon", "--version"}) != 0) GTEST_SKIP() << "skipped: needs dbus-daemon";
  // Else firewalld's own rules for what is forwarded would judge the bridge's frames, too.
  (void)set_sysctl("net/bridge/bridge-nf-call-iptables", "0");
  (void)set_sysctl("net/bridge/bridge-nf-call-ip6tables", "0");
  const std::string address = "unix:path=" + root_ + "/bus";
  const std::string config =
      file("bus.conf", "<busconfig><type>system</type><listen>" + address +
                           "</listen><policy context='default'><allow user='*'/><allow own='*'/>"
                           "<allow send_type='*'/><allow receive_type='*'/></policy></busconfig>");
  setenv("DBUS_SYSTEM_BUS_ADDRESS", address.c_str(), 1);
  const auto bus = RunningProgram::start({"dbus-daemon", "--config-file=" + config, "--nofork", "--nopidfile"});
  NWF_ASSERT_OK(bus);
  ASSERT_TRUE(wait_for([&] { return std::filesystem::exists(root_ + "/bus"); }));

  const std::string whose = tables();
  const auto stream = forge();
  ASSERT_TRUE(wait_for([&] { return stream->sent() > 100; }));
  const auto firewalld = RunningProgram::start({"firewalld", "--nofork", "--nopid", "--system-config", root_,
                                                "--log-target=file", "--log-file", root_ + "/firewalld.log"});
  NWF_ASSERT_OK(firewalld);
  const auto runs = [] { return run({"firewall-cmd", "--state"}) == 0; };
  ASSERT_TRUE(wait_for(runs, std::chrono::seconds(60))) << "firewalld does not come to run";
  ASSERT_EQ(run({"nft", "list", "table", "inet", "firewalld"}), 0) << "it wrote no rules";
  EXPECT_EQ(run({"firewall-cmd", "--reload"}), 0);
  EXPECT_EQ(run({"firewall-cmd", "--complete-reload"}), 0);
  ASSERT_TRUE(wait_for(runs, std::chrono::seconds(60)));
  (*firewalld)->stop(SIGTERM);
  const auto at = stream->sent();
  ASSERT_TRUE(wait_for([&] { return stream->sent() > at + 200; }));
  stream->stop();
  EXPECT_EQ(stream->leaked(), 0U) << "of " << stream->sent();
  std::cout << fmt::format("firewalld beside {} tables: {} of {} forged frames passed, {} heals\n", whose,
                           stream->leaked(), stream->sent(), service_->figures()->heals.count);
  EXPECT_EQ(tables(), whose);
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
}

TEST_F(GuardNetns, ABridgeMadeAnewIsGuarded) {
  const auto stream = forge();
  ASSERT_TRUE(wait_for([&] { return stream->sent() > 100; }));
  ASSERT_EQ(run({"ip", "link", "delete", "br0"}), 0);
  NWF_ASSERT_OK(make_bridge("br0"));
  for (const char* port : {"vnet0", "vnet1", "lan0"}) NWF_ASSERT_OK(add_port("br0", port));
  const auto at = stream->sent();
  ASSERT_TRUE(wait_for([&] { return stream->sent() > at + 500; }));
  stream->stop();
  EXPECT_EQ(stream->leaked(), 0U);
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
}

TEST_F(GuardNetns, RestartAndReloadLeaveNoGap) {
  const auto stream = forge();
  ASSERT_TRUE(wait_for([&] { return stream->sent() > 100; }));
  for (int i = 0; i < 5; ++i) {
    ASSERT_NO_FATAL_FAILURE(restart({}));
    ASSERT_EQ(kill(daemon_->pid(), SIGHUP), 0);
    NWF_ASSERT_OK(service_->status());
  }
  // What somebody else's hand did while no daemon ran is undone at the start; the tables are owned again.
  const std::string whose = tables();
  ASSERT_NO_FATAL_FAILURE(restart({"--tables=shared"}));
  stream->stop();
  EXPECT_EQ(stream->leaked(), 0U) << "of " << stream->sent();
  EXPECT_EQ(tables(), "shared");
  daemon_->stop(SIGTERM);
  EXPECT_EQ(run({"nft", "flush", "chain", "bridge", "nwf", "clean-traffic.eth-out"}), 0) << "an ended daemon's tables";
  ASSERT_NO_FATAL_FAILURE(restart({}));
  EXPECT_TRUE(service_->status()->in_sync);
  EXPECT_EQ(tables(), whose);
  EXPECT_FALSE(udp_passes("vnet0", "lan0", {one_.mac, two_.ip}, other_));
}

/// In-process work beside a daemon is refused by an owned table, with who to ask.
TEST_F(GuardNetns, WorkPastTheDaemonIsRefused) {
  if (tables() != "owned") GTEST_SKIP() << "this kernel has no tables that are owned and persist";
  auto past = host::open(options());
  NWF_ASSERT_OK(past);
  const auto bound = (*past)->binding_create(binding("vnet9", one_, "clean-traffic"), "b.xml");
  ASSERT_FALSE(bound.has_value());
  EXPECT_EQ(bound.error().kind, ErrorKind::Denied);
  EXPECT_NE(bound.error().message.find("nwfd"), std::string::npos) << bound.error().message;
  EXPECT_FALSE(service_->binding_lookup("vnet9").has_value());
}

/// Killed at random while ports are bound: what was reported is there, and no forged frame passes meanwhile.
TEST_F(GuardNetns, KilledAtAnyPointItLosesNothing) {
  const char* given = std::getenv("NWF_KILLS");
  const int kills = given == nullptr ? 20 : std::atoi(given);
  const char* seeded = std::getenv("NWF_SEED");
  const unsigned seed = seeded == nullptr ? std::random_device()() : static_cast<unsigned>(std::atoi(seeded));
  std::mt19937 dice(seed);
  SCOPED_TRACE(fmt::format("NWF_SEED={}", seed));
  const auto stream = forge();
  std::map<std::string, std::string> reported{{"vnet0", one_.ip}, {"vnet1", two_.ip}};
  std::size_t done = 0, cut = 0;
  for (int i = 0; i < kills; ++i) {
    const pid_t pid = daemon_->pid();
    std::thread killer([&, after = dice() % 20'000] {
      std::this_thread::sleep_for(std::chrono::microseconds(after));
      kill(pid, SIGKILL);
    });
    std::string open;  // asked for, and not answered
    while (true) {
      const std::string port = fmt::format("k{}", dice() % 40);
      const bool there = reported.contains(port);
      const Guest guest{"52:54:00:00:09:09", fmt::format("192.0.9.{}", 1 + dice() % 250)};
      const auto answer =
          there ? service_->binding_delete(port).map([](const auto&) {})
                : service_->binding_create(binding(port, guest, "clean-traffic"), "b.xml").map([](const auto&) {});
      if (!answer && answer.error().kind == ErrorKind::Outdated) {
        open = port;
        break;
      }
      NWF_ASSERT_OK(answer);
      ++done;
      if (there)
        reported.erase(port);
      else
        reported.emplace(port, guest.ip);
    }
    killer.join();
    ++cut;
    ASSERT_NO_FATAL_FAILURE(restart({}, SIGKILL));
    const auto status = service_->status();
    NWF_ASSERT_OK(status);
    ASSERT_TRUE(status->in_sync) << ::testing::PrintToString(status->differences);
    std::map<std::string, std::string> held;
    for (const auto& summary : status->bindings) held.emplace(summary.port, "");
    for (const auto& [port, ip] : reported) {
      if (port == open) continue;
      ASSERT_TRUE(held.contains(port)) << port << " was reported bound";
      const auto xml = service_->binding_dumpxml(port);
      NWF_ASSERT_OK(xml);
      ASSERT_NE(xml->find("'" + ip + "'"), std::string::npos) << *xml;
    }
    for (const auto& [port, nothing] : held)
      ASSERT_TRUE(reported.contains(port) || port == open) << port << " was reported unbound";
    // What was cut is either done or not.
    if (!open.empty()) {
      reported.erase(open);
      if (held.contains(open)) NWF_ASSERT_OK(service_->binding_delete(open));
    }
  }
  stream->stop();
  std::cout << fmt::format("{} kills, {} changes reported, {} of {} forged frames passed\n", cut, done,
                           stream->leaked(), stream->sent());
  EXPECT_EQ(stream->leaked(), 0U);
}

}  // namespace
}  // namespace nwf::test
