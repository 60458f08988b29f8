// SPDX-License-Identifier: GPL-2.0-or-later
// Binding ports: what is shared, what is a port's own, what happens to ports that are not there.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/netns/fixture.h"

namespace nwf::test {
namespace {

class BindingNetns : public HostTest {};

TEST_F(BindingNetns, RulesAreThereOnceForAnyNumberOfPorts) {
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "b.xml"));
  const std::size_t rules = kernel_rules();
  ASSERT_GT(rules, 0U);
  for (int i = 1; i <= 50; ++i) {
    const Guest guest{fmt::format("52:54:00:00:01:{:02x}", i), fmt::format("192.0.2.{}", i)};
    NWF_ASSERT_OK(service_->binding_create(binding(fmt::format("vnet{}", i), guest, "clean-traffic"), "b.xml"));
  }
  EXPECT_EQ(kernel_rules(), rules);
  const auto status = service_->status();
  ASSERT_EQ(status->programs.size(), 1U);
  EXPECT_EQ(status->programs[0].ports, 51U);
}

TEST_F(BindingNetns, NoRuleNamesAPortOrAGuest) {
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "b.xml"));
  const auto rules = service_->binding_rules("vnet0");
  NWF_ASSERT_OK(rules);
  EXPECT_TRUE(rules->why.empty());
  ASSERT_FALSE(rules->rules.empty());
  for (const auto& rule : rules->rules) {
    EXPECT_EQ(rule.rule.find("vnet0"), std::string::npos) << rule.rule;
    EXPECT_EQ(rule.rule.find(one_.ip), std::string::npos) << rule.rule;
    EXPECT_EQ(rule.rule.find(one_.mac), std::string::npos) << rule.rule;
    EXPECT_NE(rule.origin, "");
  }
}

TEST_F(BindingNetns, APortThatIsNotThereYetIsGuardedFromItsFirstFrame) {
  const auto bound = service_->binding_create(binding("vnet0", one_, "clean-traffic"), "b.xml");
  NWF_ASSERT_OK(bound);
  EXPECT_TRUE(bound->binding.waiting);
  add_guest("lan0");
  add_guest("vnet0");
  EXPECT_FALSE(udp_passes("vnet0", "lan0", {other_.mac, one_.ip}, two_)) << "the very first frame was forged";
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, two_));
  EXPECT_FALSE(service_->binding_list()->at(0).waiting);
}

TEST_F(BindingNetns, EachPortHasItsOwnValues) {
  for (const char* port : {"vnet0", "vnet1", "lan0"}) add_guest(port);
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "b.xml"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet1", two_, "clean-traffic"), "b.xml"));
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
  EXPECT_TRUE(udp_passes("vnet1", "lan0", two_, other_));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", two_, other_));
  EXPECT_FALSE(udp_passes("vnet1", "lan0", one_, other_));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", {one_.mac, two_.ip}, other_));
  EXPECT_TRUE(udp_passes("vnet0", "vnet1", one_, two_));

  NWF_ASSERT_OK(service_->binding_delete("vnet0"));
  EXPECT_TRUE(udp_passes("vnet0", "lan0", two_, other_)) << "an unbound port is free";
  EXPECT_FALSE(udp_passes("vnet1", "lan0", one_, other_)) << "its neighbour is not";
  NWF_ASSERT_OK(service_->binding_delete("vnet1"));
  EXPECT_TRUE(backend_->read()->ruleset.tables.empty()) << "something stayed behind";
}

TEST_F(BindingNetns, AVariableChangesWhileTheGuestRuns) {
  for (const char* port : {"vnet0", "lan0"}) add_guest(port);
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "b.xml"));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", {one_.mac, "192.0.2.7"}, other_));
  const auto before = backend_->generation();
  NWF_ASSERT_OK(service_->binding_set("vnet0", {{"IP", {"192.0.2.7", "192.0.2.8"}}}));
  EXPECT_EQ(*backend_->generation(), *before + 1);
  EXPECT_TRUE(udp_passes("vnet0", "lan0", {one_.mac, "192.0.2.7"}, other_));
  EXPECT_TRUE(udp_passes("vnet0", "lan0", {one_.mac, "192.0.2.8"}, other_));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", one_, other_));
}

TEST_F(BindingNetns, AListUnderMatchNoMovesThePortToAProgramOfAnotherShape) {
  for (const char* port : {"vnet0", "lan0"}) add_guest(port);
  NWF_ASSERT_OK(service_->filter_define(
      "<filter name='strict'><rule action='drop' direction='out'><ip match='no' srcipaddr='$IP'/></rule></filter>",
      "f.xml"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "strict"), "b.xml"));
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", two_, other_));
  const std::string program = service_->binding_rules("vnet0")->program;
  NWF_ASSERT_OK(service_->binding_set("vnet0", {{"IP", {one_.ip, two_.ip}}}));
  const auto rules = service_->binding_rules("vnet0");
  EXPECT_NE(rules->program, program);
  EXPECT_FALSE(rules->why.empty());
  // Each value is a rule of its own: whatever the source, one of the two says it is not its own.
  EXPECT_FALSE(udp_passes("vnet0", "lan0", one_, other_));
}

TEST_F(BindingNetns, BindingTwiceIsRefused) {
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "b.xml"));
  const auto again = service_->binding_create(binding("vnet0", two_, "clean-traffic"), "b.xml");
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().kind, ErrorKind::Refused);
}

TEST_F(BindingNetns, AnotherProcessGoesOnWhereThisOneStopped) {
  for (const char* port : {"vnet0", "vnet1", "lan0"}) add_guest(port);
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "b.xml"));
  auto second = open_service();
  NWF_ASSERT_OK(second);
  NWF_ASSERT_OK((*second)->binding_create(binding("vnet1", two_, "clean-traffic"), "b.xml"));
  NWF_ASSERT_OK(service_->binding_delete("vnet0"));
  EXPECT_FALSE(udp_passes("vnet1", "lan0", one_, other_));
  EXPECT_TRUE(udp_passes("vnet1", "lan0", two_, other_));
}

TEST_F(BindingNetns, ProcessesAtTheSameTimeTakeTurns) {
  constexpr int kProcesses = 4, kEach = 10;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = fork();
    if (child == 0) {
      auto mine = open_service();
      int failures = 0;
      for (int i = 0; i < kEach; ++i) {
        const Guest guest{fmt::format("52:54:00:00:{:02x}:{:02x}", p + 1, i), fmt::format("192.0.{}.{}", p, i + 1)};
        if (!(*mine)->binding_create(binding(fmt::format("p{}n{}", p, i), guest, "clean-traffic"), "b.xml")) ++failures;
      }
      _exit(failures);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(service_->binding_list()->size(), static_cast<std::size_t>(kProcesses * kEach));
}

TEST_F(BindingNetns, SomebodyElsesHandInOurTableIsUndone) {
  for (const char* port : {"vnet0", "vnet1", "lan0"}) add_guest(port);
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "b.xml"));
  // Everything of ours is gone, as after `nft flush ruleset`.
  const auto wiped = backend_->apply({{Family::Bridge, change::DeleteTable{}}}, std::nullopt);
  NWF_ASSERT_OK(wiped);
  ASSERT_TRUE(udp_passes("vnet0", "lan0", two_, other_));
  EXPECT_FALSE(service_->status()->in_sync);
  // The next change finds out, and brings back what should be there.
  NWF_ASSERT_OK(service_->binding_create(binding("vnet1", two_, "clean-traffic"), "b.xml"));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", two_, other_));
}

TEST_F(BindingNetns, ReconcileBringsBackAndASecondRunDoesNothing) {
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "b.xml"));
  const auto whole = backend_->read();
  NWF_ASSERT_OK(backend_->apply({{Family::Bridge, change::FlushChain{"clean-traffic.eth-out"}}}, std::nullopt));
  const auto first = service_->reconcile();
  NWF_ASSERT_OK(first);
  EXPECT_GT(*first, 0U);
  EXPECT_EQ(backend_->read()->ruleset, whole->ruleset);
  const auto generation = backend_->generation();
  EXPECT_EQ(*service_->reconcile(), 0U);
  EXPECT_EQ(*backend_->generation(), *generation);
}

TEST_F(BindingNetns, APortWhoseRulesCannotBeMadeIsClosed) {
  for (const char* port : {"vnet0", "lan0"}) add_guest(port);
  NWF_ASSERT_OK(
      service_->filter_define("<filter name='mine'><rule action='accept' direction='inout'/></filter>", "f.xml"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "mine"), "b.xml"));
  ASSERT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
  // Somebody removes the filter's file.
  ASSERT_EQ(unlink((root_ + "/etc/nwf/filters/mine.xml").c_str()), 0);
  NWF_ASSERT_OK(service_->reconcile());
  EXPECT_FALSE(udp_passes("vnet0", "lan0", one_, other_));
  EXPECT_FALSE(udp_passes("lan0", "vnet0", other_, one_));
  const auto status = service_->status();
  EXPECT_FALSE(status->in_sync);
  ASSERT_FALSE(status->differences.empty());
  EXPECT_NE(status->differences.back().find("mine"), std::string::npos) << status->differences.back();
  NWF_ASSERT_OK(service_->binding_delete("vnet0"));
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
}

}  // namespace
}  // namespace nwf::test
