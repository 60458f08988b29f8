// SPDX-License-Identifier: GPL-2.0-or-later
// Whose hands are told: somebody else's in nwf's tables, and nobody's else.
#include "netlink/nftables/monitor.h"

#include <fmt/format.h>

#include <fstream>

#include "engine/ruleset/change.h"
#include "tests/harness/process.h"
#include "tests/netns/fixture.h"

namespace nwf::test {
namespace {

class MonitorNetns : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto scratch = make_scratch_directory();
    if (!scratch && scratch.error().kind == ErrorKind::Denied) GTEST_SKIP() << "needs root";
    NWF_ASSERT_OK(scratch);
    directory_ = *scratch;
    NWF_ASSERT_OK(enter_new_namespace());
    auto channel = netlink::open_netfilter();
    NWF_ASSERT_OK(channel);
    auto monitor = netlink::Monitor::open((*channel)->port_id());
    NWF_ASSERT_OK(monitor);
    monitor_ = std::move(*monitor);
    backend_ = netlink::open_nftables(std::move(*channel));
    NWF_ASSERT_OK(backend_->apply({{Family::Bridge, change::AddTable{}}}, std::nullopt));
  }

  static void nft(const std::vector<std::string>& words) {
    std::vector<std::string> argv{"nft"};
    argv.insert(argv.end(), words.begin(), words.end());
    const auto ran = run_program(argv);
    NWF_ASSERT_OK(ran);
    ASSERT_EQ(ran->code, 0) << ran->err;
  }

  std::string directory_;
  std::unique_ptr<netlink::Monitor> monitor_;
  std::unique_ptr<Backend> backend_;
};

TEST_F(MonitorNetns, OwnHandsAreNoNews) {
  const auto seen = monitor_->drain();
  NWF_ASSERT_OK(seen);
  EXPECT_FALSE(seen->has_value());
}

TEST_F(MonitorNetns, OthersTablesAreNoNews) {
  nft({"add", "table", "bridge", "other"});
  nft({"add", "table", "inet", "nwf-too"});
  const auto seen = monitor_->drain();
  NWF_ASSERT_OK(seen);
  EXPECT_FALSE(seen->has_value());
}

TEST_F(MonitorNetns, WhoLaysHandsOnOursIsNamed) {
  nft({"add", "chain", "bridge", "nwf", "mine"});
  const auto seen = monitor_->drain();
  NWF_ASSERT_OK(seen);
  ASSERT_TRUE(seen->has_value());
  EXPECT_EQ((*seen)->program, "nft");
  EXPECT_NE((*seen)->pid, 0U);
  EXPECT_FALSE((*monitor_->drain()).has_value()) << "told twice";
  nft({"flush", "ruleset"});
  EXPECT_TRUE((*monitor_->drain()).has_value());
}

/// What was lost may have been about our tables.
TEST_F(MonitorNetns, AfterALossSomebodyMayHaveDoneAnything) {
  const std::string many = directory_ + "/many.nft";
  {
    std::ofstream out(many);
    out << "table ip other {\n set s {\n  type ipv4_addr\n  elements = { ";
    for (unsigned i = 0; i < 400'000; ++i) out << fmt::format("10.{}.{}.{},", i >> 16U, (i >> 8U) & 0xffU, i & 0xffU);
    out << " 10.255.255.255 }\n }\n}\n";
  }
  nft({"-f", many});
  const auto seen = monitor_->drain();
  NWF_ASSERT_OK(seen);
  ASSERT_TRUE(seen->has_value()) << "nothing was lost, so that this tests nothing";
  EXPECT_EQ((*seen)->program, "");
  EXPECT_EQ((*seen)->pid, 0U);
  nft({"delete", "table", "bridge", "nwf"});
  EXPECT_TRUE((*monitor_->drain()).has_value()) << "and the next is heard again";
}

}  // namespace
}  // namespace nwf::test
