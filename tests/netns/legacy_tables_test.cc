// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's legacy tables beside others who write them.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "engine/legacy/port_tables.h"
#include "legacy/encode_ip.h"
#include "legacy/ip_table.h"
#include "legacy/kernel.h"
#include "legacy/lock.h"
#include "tests/netns/fixture.h"

namespace nwf::test {
namespace {

const legacy::TableId kFilter{legacy::Family::Ip4, "filter"};

class LegacyTablesNetns : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    compare_at_end_ = false;
    kernel_ = legacy::open_kernel(root_ + "/xtables.lock");
    const auto support = kernel_->support();
    NWF_ASSERT_OK(support);
    if (support->ip4 != Probe::Yes) GTEST_SKIP() << "this kernel has no iptables";
  }

  static legacy::Tables closed(std::size_t number) {
    return legacy::closed_port(*PortName::parse(fmt::format("vnet{}", number)), {false, false});
  }
  static legacy::Names names_of(const legacy::Tables& tables) {
    legacy::Names names;
    for (const auto& [id, chains] : legacy::chain_names(tables)) names[id] = {chains.begin(), chains.end()};
    return names;
  }
  static legacy::EncodedRule drop_from(std::uint8_t last) {
    legacy::IpRule rule;
    rule.source = legacy::Masked{{192, 0, 2, last}, Bytes(4, 0xff), false};
    rule.target = legacy::target::Jump{"DROP", false};
    return *legacy::encode(rule, false);
  }

  static bool is_there(std::size_t number) {
    const auto table = legacy::read_ip_table(kFilter);
    const Bytes image = drop_from(static_cast<std::uint8_t>(number)).image;
    return table &&
           std::ranges::any_of((*table)->rules("INPUT"), [&](const auto& rule) { return rule.image == image; });
  }

  std::unique_ptr<legacy::Kernel> kernel_;
};

TEST_F(LegacyTablesNetns, AChangeInBetweenIsSeen) {
  auto mine = legacy::read_ip_table(kFilter), theirs = legacy::read_ip_table(kFilter);
  NWF_ASSERT_OK(mine);
  NWF_ASSERT_OK(theirs);
  NWF_ASSERT_OK((*theirs)->append("INPUT", drop_from(1)));
  NWF_ASSERT_OK((*theirs)->commit());
  NWF_ASSERT_OK((*mine)->append("INPUT", drop_from(2)));
  const auto late = (*mine)->commit();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::Outdated);
  const auto now = legacy::read_ip_table(kFilter);
  NWF_ASSERT_OK(now);
  EXPECT_EQ((*now)->rules("INPUT").size(), 1U);
}

// Somebody who heeds no lock, as fast as he can: both find all that they wrote.
TEST_F(LegacyTablesNetns, WhoeverWritesInBetweenLosesNothing) {
  constexpr std::size_t kRules = 200;
  std::atomic<std::size_t> retried = 0, wrong = 0;
  std::atomic<bool> begun = false;
  std::thread other([&] {
    for (std::size_t written = 0; written < kRules;) {
      auto table = legacy::read_ip_table(kFilter);
      if (!table || !(*table)->append("INPUT", drop_from(static_cast<std::uint8_t>(written)))) {
        ++wrong;
        return;
      }
      begun = true;
      const auto done = (*table)->commit();
      if (done)
        ++written;
      else if (done.error().kind == ErrorKind::Outdated)
        ++retried;
      else if (is_there(written))  // its counters were not, since we wrote behind it
        ++written;
      else
        ++wrong;
    }
  });
  while (!begun && wrong == 0) std::this_thread::yield();
  legacy::Tables all;
  legacy::Names ours;
  for (std::size_t i = 0; i < 100; ++i) {
    const legacy::Tables port = closed(i);
    const auto done = kernel_->apply({}, port, ours);
    EXPECT_TRUE(done) << describe(done.error());
    legacy::add(port, all);
    ours = names_of(all);
  }
  other.join();
  EXPECT_EQ(wrong, 0U);
  const auto now = legacy::read_ip_table(kFilter);
  NWF_ASSERT_OK(now);
  EXPECT_EQ((*now)->rules("INPUT").size(), kRules + 1) << "libvirt-host-in, and theirs";
  const auto differences = kernel_->differences(all, ours);
  NWF_ASSERT_OK(differences);
  EXPECT_EQ(*differences, std::vector<std::string>{});
  fmt::print("somebody else had to try again {} times\n", retried.load());
}

TEST_F(LegacyTablesNetns, WhatASecondTableRefusesIsTakenBackFromTheFirst) {
  auto six = legacy::read_ip_table({legacy::Family::Ip6, "filter"});
  NWF_ASSERT_OK(six);
  NWF_ASSERT_OK((*six)->create("FO-vnet0", false));
  NWF_ASSERT_OK((*six)->commit());
  const auto done = kernel_->apply({}, closed(0), {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::Refused);
  EXPECT_NE(describe(done.error()).find("FO-vnet0"), std::string::npos) << describe(done.error());
  const auto four = legacy::read_ip_table(kFilter);
  NWF_ASSERT_OK(four);
  EXPECT_EQ((*four)->chains(), (std::vector<std::string>{"INPUT", "FORWARD", "OUTPUT"}));
  EXPECT_TRUE((*four)->rules("FORWARD").empty());
}

TEST_F(LegacyTablesNetns, ALockThatIsHeldIsWaitedForAndNamed) {
  const std::string path = root_ + "/a.lock";
  const auto held = legacy::TablesLock::take(path);
  NWF_ASSERT_OK(held);
  for (const auto& take : {legacy::TablesLock::take, legacy::TablesLock::take_if_used}) {
    const auto second = take(path, 50);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::Refused);
    EXPECT_NE(second.error().message.find(path), std::string::npos) << second.error().message;
  }
}

TEST_F(LegacyTablesNetns, ALockOfAProgramThatIsNotInstalledIsNone) {
  EXPECT_TRUE(legacy::TablesLock::take_if_used(root_ + "/not/installed/lock"));
  EXPECT_FALSE(legacy::TablesLock::take(root_ + "/not/installed/lock"));
}

}  // namespace
}  // namespace nwf::test
