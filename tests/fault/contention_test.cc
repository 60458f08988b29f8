// SPDX-License-Identifier: GPL-2.0-or-later
// Two processes and eight, at once, on one host: they take turns, and all that each did is there.
#include <fmt/format.h>

#include <thread>

#include "tests/fault/operations.h"
#include "tests/harness/process.h"

namespace nwf::test {
namespace {

class ContentionFault : public OperationsTest {
 protected:
  /// One administrator's evening: ports bound, changed and some unbound, a filter of its own defined, and the one that
  /// all use edited. Returns what went wrong.
  std::vector<std::string> work(std::size_t who, std::size_t rounds) {
    std::vector<std::string> wrong;
    const auto run = [&](std::vector<std::string> words) {
      words.insert(words.begin(), {NWF_NWFCTL, "--root", root_});
      const auto ran = run_program(words);
      if (!ran || ran->code != 0)
        wrong.push_back(fmt::format("{}: {}", fmt::join(words, " "), ran ? ran->err : describe(ran.error())));
    };
    for (std::size_t round = 0; round < rounds; ++round) {
      const std::string port = port_of(who, round);
      const Guest guest{fmt::format("52:54:00:00:{:02x}:{:02x}", who + 1, round),
                        fmt::format("10.{}.{}.1", who, round)};
      run({"binding", "create", given(port + ".xml", binding(port, guest, "clean-traffic"))});
      run({"binding", "set", port, fmt::format("IP=10.{}.{}.2", who, round)});
      const std::string filter = fmt::format("of{}", who);
      run({"filter", "define",
           given(filter + ".xml", fmt::format("<filter name='{}'><rule action='drop' direction='out'>"
                                              "<tcp dstportstart='{}'/></rule></filter>",
                                              filter, round + 1))});
      run({"filter", "define", operations_[2].words.back()});
      if (is_unbound(round)) run({"binding", "delete", port});
    }
    return wrong;
  }
  static std::string port_of(std::size_t who, std::size_t round) { return fmt::format("p{}-{}", who, round); }
  static bool is_unbound(std::size_t round) { return round % 3 == 0; }

  void expect_all_kept(std::size_t processes, std::size_t rounds) {
    const Documents before = documents_below(root_);
    std::vector<std::vector<std::string>> wrong(processes);
    std::vector<std::thread> threads;
    for (std::size_t who = 0; who < processes; ++who)
      threads.emplace_back([&, who] { wrong[who] = work(who, rounds); });
    for (std::thread& thread : threads) thread.join();
    for (const auto& lines : wrong) EXPECT_EQ(lines, std::vector<std::string>{});

    const Documents now = documents_below(root_);
    std::size_t expected = before.size();
    for (std::size_t who = 0; who < processes; ++who) {
      ++expected;
      const auto filter = now.find(fmt::format("/etc/nwf/filters/of{}.xml", who));
      ASSERT_NE(filter, now.end());
      EXPECT_NE(filter->second.find(fmt::format("dstportstart='{}'", rounds)), std::string::npos) << filter->second;
      for (std::size_t round = 0; round < rounds; ++round) {
        const auto bound = now.find(fmt::format("/run/nwf/bindings/{}.xml", port_of(who, round)));
        EXPECT_EQ(bound == now.end(), is_unbound(round));
        if (bound == now.end()) continue;
        ++expected;
        EXPECT_NE(bound->second.find(fmt::format("10.{}.{}.2", who, round)), std::string::npos) << bound->second;
      }
    }
    EXPECT_EQ(now.size(), expected);
    // Nothing of it needs a reconcile.
    const auto status = service_->status();
    NWF_ASSERT_OK(status);
    EXPECT_TRUE(status->in_sync) << ::testing::PrintToString(status->differences);
    EXPECT_EQ(leftovers_below(root_), std::vector<std::string>{});
  }
};

TEST_F(ContentionFault, TwoProcesses) { expect_all_kept(2, 30); }
TEST_F(ContentionFault, EightProcesses) { expect_all_kept(8, 10); }

}  // namespace
}  // namespace nwf::test
