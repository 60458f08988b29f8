// SPDX-License-Identifier: GPL-2.0-or-later
// nwfctl killed on its way: at each call that changes something, before and after it, and at random moments. Whatever
// the moment, the documents are the old or the new ones, the kernel holds the old rules or the new, what was said to be
// done is done, the next command works, and reconcile makes kernel and documents agree.
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "engine/ruleset/diff.h"
#include "tests/fault/in_force.h"
#include "tests/fault/operations.h"

namespace nwf::test {
namespace {

/// How many random kills; fewer of a program that only asks a daemon. NWF_FAULT_KILLS says another number.
std::size_t random_kills() {
  const char* given = std::getenv("NWF_FAULT_KILLS");
  if (given == nullptr) return std::getenv("NWFD") == nullptr ? 500 : 50;
  return std::strtoul(given, nullptr, 10);
}

const std::vector<std::string> kNone;

class KillFault : public OperationsTest {
 protected:
  void expect_documents(const Documents& expected, const char* why = "") {
    const Documents now = documents_below(root_);
    EXPECT_TRUE(now == expected) << why << difference(expected, now);
  }

  /// What must hold after a run that may have been killed. Leaves the host in the state `after`, then back in `before`.
  void expect_whole(const Operation& operation, const HostState& before, const HostState& after, const KilledRun& run,
                    bool retry_first) {
    HostState now = state();
    // Many files may be decided upon and not yet in their places: whoever comes next sees them there.
    must({"filter", "list"});
    now.documents = documents_below(root_);
    const bool is_old = now.documents == before.documents, is_new = now.documents == after.documents;
    EXPECT_TRUE(is_old || is_new) << "half done, from the old:" << difference(before.documents, now.documents)
                                  << "; from the new:" << difference(after.documents, now.documents);
    // A port that goes to another program is prepared before and swept up after: what packets meet is old or new.
    const Ruleset rules = in_force(now.kernel), old_rules = in_force(before.kernel), new_rules = in_force(after.kernel);
    EXPECT_TRUE(difference(rules, old_rules).empty() || difference(rules, new_rules).empty())
        << "neither the old nor the new rules: from the old: " << ::testing::PrintToString(difference(old_rules, rules))
        << ", from the new: " << ::testing::PrintToString(difference(new_rules, rules));
    if (run.code == 0 || !run.out.empty()) {
      EXPECT_TRUE(is_new) << "said to be done, and is not: " << run.out;
      EXPECT_EQ(difference(now.kernel, after.kernel), kNone) << "said to be done, and is not: " << run.out;
    }
    if (!retry_first) {
      reconcile_and_compare();
      expect_documents(now.documents, "reconcile changed documents");
      EXPECT_EQ(difference(state().kernel, is_new ? after.kernel : before.kernel), kNone);
    }
    const auto again = run_to_the_end(nwfctl(operation.words, operation.environment));
    NWF_ASSERT_OK(again);
    // What is there already cannot be bound again, nor what is gone removed: refused, or not found.
    EXPECT_TRUE(again->code == 0 || (is_new && (again->code == 3 || again->code == 4))) << again->code << again->err;
    reconcile_and_compare();
    const HostState at_last = state();
    expect_documents(after.documents);
    EXPECT_EQ(difference(at_last.kernel, after.kernel), kNone);
    undo(operation);
    expect_documents(before.documents);
  }
};

class EachCall : public KillFault, public ::testing::WithParamInterface<const char*> {};

TEST_P(EachCall, ThatChangesSomething) {
  const auto found = std::find_if(operations_.begin(), operations_.end(),
                                  [](const Operation& each) { return each.name == GetParam(); });
  ASSERT_NE(found, operations_.end());
  const Operation& operation = *found;
  const HostState before = state();
  must(operation.words, operation.environment);
  const HostState after = state();
  ASSERT_NE(before.documents, after.documents);
  ASSERT_EQ(difference(before.kernel, after.kernel).empty(),
            difference(in_force(before.kernel), in_force(after.kernel)).empty())
      << "a change that packets would not meet";
  undo(operation);
  std::size_t calls = 0, kills = 0;
  for (std::size_t call = 0;; ++call) {
    bool ended = false;
    for (const bool done : {false, true})
      for (const bool retry_first : {false, true}) {
        const auto run = run_and_kill_at(nwfctl(operation.words, operation.environment), {call, done});
        NWF_ASSERT_OK(run);
        SCOPED_TRACE(fmt::format("killed {} call {} ({}), then {}", done ? "after" : "before", call,
                                 run->killed ? run->at : "not killed", retry_first ? "again" : "reconciled"));
        expect_whole(operation, before, after, *run, retry_first);
        if (HasFailure()) return;
        ended = !run->killed;
        calls = run->calls;
        if (run->killed) ++kills;
      }
    if (ended) break;
  }
  // A client sends who it is, a greeting and what it wants.
  EXPECT_GE(calls, daemon_ == nullptr ? 4U : 3U) << "this saw no call that changes anything";
  fmt::print("{} calls, {} kills\n", calls, kills);
}

/// `edit a filter` is EditAFilter.
std::string in_one_word(const ::testing::TestParamInfo<const char*>& info) {
  std::string word;
  bool first = true;
  for (const char* at = info.param; *at != '\0'; ++at) {
    const bool letter = std::isalpha(static_cast<unsigned char>(*at)) != 0;
    if (letter) word += first ? static_cast<char>(std::toupper(*at)) : *at;
    first = !letter && *at != '\'';
  }
  return word;
}

INSTANTIATE_TEST_SUITE_P(KillFault, EachCall, ::testing::ValuesIn(kOperations), in_one_word);

TEST_F(KillFault, EachOperationHasItsTest) {
  ASSERT_EQ(operations_.size(), std::size(kOperations));
  for (std::size_t i = 0; i < operations_.size(); ++i) EXPECT_EQ(operations_[i].name, kOperations[i]);
}

TEST_F(KillFault, AtRandomMoments) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  SCOPED_TRACE(fmt::format("seed {}", seed));
  struct Known {
    HostState before, after;
    std::chrono::microseconds lasts{};
  };
  std::vector<Known> known;
  for (const Operation& operation : operations_) {
    Known one;
    one.before = state();
    const auto start = std::chrono::steady_clock::now();
    must(operation.words, operation.environment);
    one.lasts = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
    one.after = state();
    undo(operation);
    known.push_back(std::move(one));
  }
  std::size_t killed = 0;
  const std::size_t wanted = random_kills();
  while (killed < wanted) {
    const std::size_t which = random() % operations_.size();
    const Operation& operation = operations_[which];
    const std::chrono::microseconds time(
        std::uniform_int_distribution<std::int64_t>(0, known[which].lasts.count())(random));
    const auto run = run_and_kill_after(nwfctl(operation.words, operation.environment), time);
    NWF_ASSERT_OK(run);
    if (run->killed) ++killed;
    SCOPED_TRACE(fmt::format("{}, killed after {} us", operation.name, time.count()));
    expect_whole(operation, known[which].before, known[which].after, *run, killed % 2 == 0);
    if (HasFailure()) return;
  }
  fmt::print("{} kills\n", killed);
}

/// The kernel has lost everything; reconcile is killed while it puts it back.
TEST_F(KillFault, ReconcileItself) {
  const HostState before = state();
  for (std::size_t call = 0;; ++call) {
    bool ended = false;
    for (const bool done : {false, true}) {
      NWF_ASSERT_OK(backend_->apply(diff(state().kernel, Ruleset{}), std::nullopt));
      const auto run = run_and_kill_at(nwfctl({"reconcile"}), {call, done});
      NWF_ASSERT_OK(run);
      SCOPED_TRACE(fmt::format("killed at call {} ({})", call, run->at));
      const HostState now = state();
      EXPECT_EQ(now.documents, before.documents);
      EXPECT_TRUE(difference(now.kernel, before.kernel).empty() || now.kernel.tables.empty()) << "half done";
      reconcile_and_compare();
      EXPECT_EQ(difference(state().kernel, before.kernel), kNone);
      if (HasFailure()) return;
      ended = !run->killed;
    }
    if (ended) break;
  }
}

/// From nf_tables to the legacy tables and back, killed on the way: what both stop stays stopped, what both let pass
/// passes, and the next command ends what was begun.
TEST_F(KillFault, ASwitchOfTheBackendAtRandomMoments) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  SCOPED_TRACE(fmt::format("seed {}", seed));
  add_guest("lan0");
  must({"filter", "define",
        given("switched.xml",
              "<filter name='switched'><filterref filter='clean-traffic'/>"
              "<rule action='drop' direction='out'><udp dstportstart='6000'/></rule></filter>")});
  must({"binding", "delete", "vnet0"});
  must({"binding", "create", given("switched-port.xml", binding("vnet0", one_, "switched"))});
  const Guest lan{"52:54:00:00:00:99", "192.0.2.99"}, forged{one_.mac, "192.0.2.66"};
  const auto guarded = [&](std::string_view when) {
    EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, lan, {.target = 5000})) << when;
    EXPECT_FALSE(udp_passes("vnet0", "lan0", one_, lan, {.target = 6000})) << when << ", inet layer";
    EXPECT_FALSE(udp_passes("vnet0", "lan0", forged, lan, {.target = 5000})) << when << ", ethernet layer";
  };
  const auto start = std::chrono::steady_clock::now();
  must({"backend", "iptables-legacy"});
  must({"backend", "nftables"});
  const auto lasts =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start) / 2;
  const std::size_t wanted = std::max<std::size_t>(random_kills() / 25, 4);
  std::size_t killed = 0;
  for (std::size_t i = 0; killed < wanted && !HasFailure(); ++i) {
    const std::string to = i % 2 == 0 ? "iptables-legacy" : "nftables";
    const std::chrono::microseconds time(std::uniform_int_distribution<std::int64_t>(0, lasts.count())(random));
    const auto run = run_and_kill_after(nwfctl({"backend", to}), time);
    NWF_ASSERT_OK(run);
    if (run->killed) ++killed;
    SCOPED_TRACE(fmt::format("to {}, killed after {} us", to, time.count()));
    guarded("killed");
    // Whatever comes next heals what was left.
    if (i % 3 == 0) must({"reconcile"});
    if (i % 3 == 1) must({"binding", "set", "vnet1", fmt::format("LAST={}", 5002 + i)});
    guarded("healed");
    if (i % 3 == 2) must({"backend", to});
    const auto status = service_->status();
    NWF_ASSERT_OK(status);
    EXPECT_TRUE(status->in_sync) << ::testing::PrintToString(status->differences);
    must({"backend", to});
    guarded("again");
  }
  must({"backend", "nftables"});
  fmt::print("{} kills\n", killed);
}

/// The first command of all puts the stock filters into an empty store.
TEST_F(KillFault, TheVeryFirstCommand) {
  compare_at_end_ = false;
  const std::string first_root = root_;
  root_ = "/mnt/other";
  must({"filter", "list"});
  const Documents full = documents_below(root_);
  ASSERT_GT(full.size(), 20U);
  for (std::size_t call = 0;; ++call) {
    std::filesystem::remove_all(root_);
    const auto run = run_and_kill_at(nwfctl({"filter", "list"}), {call, call % 2 == 1});
    NWF_ASSERT_OK(run);
    SCOPED_TRACE(fmt::format("killed at call {} ({})", call, run->at));
    const Documents now = documents_below(root_);
    EXPECT_TRUE(now.empty() || now == full) << now.size() << " of the stock filters";
    must({"filter", "list"});
    EXPECT_EQ(documents_below(root_), full);
    EXPECT_EQ(leftovers_below(root_), std::vector<std::string>{});
    if (!run->killed || HasFailure()) break;
  }
}

}  // namespace
}  // namespace nwf::test
