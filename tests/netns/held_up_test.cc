// SPDX-License-Identifier: GPL-2.0-or-later
// A frame that is held up inside a base chain, for longer than a change of programs takes: rules in front of the lookup
// of its port that the kernel needs some 80 ms for stand for the interrupt, or the processor taken from a virtual
// machine, that does so by chance.
#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "tests/harness/process.h"
#include "tests/netns/fixture.h"

namespace nwf::test {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kSlowRules = 2500, kSlowElements = 4000;
constexpr const char* kChain = "guest-out.ethernet";
/// Of each kind of move: so many must have had a frame under way, within so many.
constexpr int kHeld = 4, kMoves = 24;

/// The first two processors this process may run on; nothing where there is one: the frame and the move then take
/// turns.
std::optional<std::pair<int, int>> two_processors() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2) return std::nullopt;
  std::vector<int> found;
  for (int cpu = 0; cpu < CPU_SETSIZE && found.size() < 2; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) found.push_back(cpu);
  return std::pair(found[0], found[1]);
}

/// The calling thread on this processor alone. In real time, before whatever else runs there: the frame does not let
/// go of its own processor, and a thread that only waits for its turn wakes after the frame has gone.
class Pinned {
 public:
  Pinned(int cpu, bool real_time) {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    EXPECT_EQ(sched_setaffinity(0, sizeof only, &only), 0);
    const sched_param first{.sched_priority = 1};
    if (real_time) {
      EXPECT_EQ(pthread_setschedparam(pthread_self(), SCHED_FIFO, &first), 0);
    }
  }
  ~Pinned() {
    const sched_param usual{};
    pthread_setschedparam(pthread_self(), SCHED_OTHER, &usual);
    sched_setaffinity(0, sizeof before_, &before_);
  }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  cpu_set_t before_{};
};

class HeldUpNetns : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    for (const char* port : {"vnet0", "lan0"}) add_guest(port);
    NWF_ASSERT_OK(
        service_->filter_define("<filter name='own' chain='root'>"
                                "<rule action='accept' direction='out'><ipv6 srcipaddr='$IPV6' protocol='udp' "
                                "dstportstart='1000' dstportend='$LAST'/></rule>"
                                "<rule action='drop' direction='inout'/></filter>",
                                "f.xml"));
  }

  std::string bound(const std::string& port, int last) const {
    return binding(
        port, one_, "own",
        fmt::format("<parameter name='IPV6' value='2001:db8::1'/><parameter name='LAST' value='{}'/>", last));
  }

  void nft(const std::string& commands) {
    const std::string path = root_ + "/slow.nft";
    std::ofstream(path) << commands;
    const auto ran = run_program({"nft", "-f", path});
    NWF_ASSERT_OK(ran);
    ASSERT_EQ(ran->code, 0) << ran->err;
  }

  /// Each rule asks a set of ranges for a key that is in none: the last of four addresses is not.
  void hold_up_what_comes_to_lookup(int which) {
    std::string text =
        "table bridge nwf {\nset slow { type ipv6_addr . ipv6_addr . ipv6_addr . ipv6_addr; flags interval; elements "
        "= {\n";
    for (int i = 0; i < kSlowElements; ++i)
      text += fmt::format("2001:db8::1 . 2001:db8::2 . 2001:db8::1 . 2001:db8:1::{:x}-2001:db8:1::{:x},\n", 4 * i + 1,
                          4 * i + 2);
    text += "} }\nchain slow {\n";
    for (int i = 0; i < kSlowRules; ++i) text += "ip6 saddr . ip6 daddr . ip6 saddr . ip6 daddr @slow counter\n";
    nft(text + "}\n}\n");
    const auto listed = run_program({"nft", "-a", "list", "chain", "bridge", "nwf", kChain});
    NWF_ASSERT_OK(listed);
    std::size_t lookup = listed->out.find("@ports.");
    for (; which > 0 && lookup != std::string::npos; --which) lookup = listed->out.find("@ports.", lookup + 1);
    const std::size_t handle = listed->out.find("# handle ", lookup);
    ASSERT_NE(handle, std::string::npos) << listed->out;
    nft(fmt::format("insert rule bridge nwf {} position {} jump slow\n", kChain,
                    std::stoi(listed->out.substr(handle + 9))));
  }

  /// From the guest. Its program lets pass what goes to ports 1000 to LAST. The end of a range is not looked up in a
  /// set: each value of LAST is a program.
  Bytes to_port(int port, const Bytes& tag) const {
    return udp6_frame({one_.mac, other_.mac}, "2001:db8::1", "2001:db8::2",
                      {.target = static_cast<std::uint16_t>(port)}, tag);
  }

  /// Moves vnet0 while a frame of it is held up; whether the frame was still under way when the move began.
  bool moves_while_held_up(int last) {
    const auto cpus = *two_processors();
    const Bytes tag = next_tag();
    tap("lan0").drain();
    std::atomic<bool> comes = false;
    Clock::time_point left, change;
    std::thread guest([&] {
      const Pinned here(cpus.second, false);
      comes = true;
      EXPECT_TRUE(tap("vnet0").send(to_port(9, tag)).has_value());
      left = Clock::now();
    });
    {
      const Pinned here(cpus.first, true);
      while (!comes) std::this_thread::sleep_for(std::chrono::microseconds(100));
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      change = Clock::now();
      const auto moved = service_->binding_set("vnet0", {{"LAST", {std::to_string(last)}}});
      EXPECT_TRUE(moved.has_value()) << (moved ? "" : describe(moved.error()));
    }
    guest.join();
    EXPECT_FALSE(arrives(tap("lan0"), tag));
    const Bytes wanted = next_tag();
    EXPECT_TRUE(passes("vnet0", "lan0", to_port(last, wanted), wanted));
    return left > change;
  }

  void moves_while_held_up_at(int lookup) {
    int held = 0;
    for (int i = 0; i < kMoves && held < kHeld && !HasFailure(); ++i) {
      SCOPED_TRACE(fmt::format("move {}", i));
      hold_up_what_comes_to_lookup(lookup);
      if (HasFatalFailure()) return;
      held += moves_while_held_up(1001 + i % 2) ? 1 : 0;
    }
    EXPECT_GE(held, kHeld) << "frames that are not held up prove nothing";
  }
};

TEST_F(HeldUpNetns, AFrameFindsAProgramThoughItsPortMovesMeanwhile) {
  if (!two_processors()) GTEST_SKIP() << "skipped: needs two processors";
  NWF_ASSERT_OK(service_->binding_create(bound("vnet0", 1000), "b.xml"));
  // First to programs that come with the move and go with the next, then to and fro between two that others run too.
  moves_while_held_up_at(0);
  for (int last : {1001, 1002})
    NWF_ASSERT_OK(service_->binding_create(bound(fmt::format("vnet{}", last), last), "b.xml"));
  moves_while_held_up_at(1);
}

}  // namespace
}  // namespace nwf::test
