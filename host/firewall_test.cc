// SPDX-License-Identifier: GPL-2.0-or-later
// When a change lets packets leave first, and when it need not.
#include "host/firewall.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/simulate/backend.h"
#include "engine/simulate/evaluate.h"
#include "xml/filter.h"

namespace nwf::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Capabilities kAble{.bridge_conntrack = Probe::Yes, .bridge_reject = Probe::Yes, .interface_kind = Probe::Yes};

/// The simulated kernel, and what was asked of it: "apply" and "leave", one after the other.
class Recorder final : public Backend {
 public:
  std::vector<std::string> asked;

  Result<Capabilities> capabilities() override { return kernel_.capabilities(); }
  Result<Held> read() override { return kernel_.read(); }
  Result<Held> read(const ChainNames& chains) override { return kernel_.read(chains); }
  Result<std::uint32_t> generation() override { return kernel_.generation(); }
  Result<std::uint32_t> apply(const Changes& changes, std::optional<std::uint32_t> generation) override {
    asked.emplace_back("apply");
    auto applied = kernel_.apply(changes, generation);
    note();
    return applied;
  }
  void let_packets_leave() override { asked.emplace_back("leave"); }

  /// What the kernel holds now, and from now on behind each transaction.
  void note() { held.push_back(kernel_.read()->ruleset); }
  std::vector<Ruleset> held;

 private:
  simulate::SimulatedKernel kernel_{kAble};
};

std::shared_ptr<const Filter> parsed(const std::string& text) {
  auto read = xml::read_filter(text, "test");
  EXPECT_TRUE(read.has_value()) << describe(read.error());
  return std::make_shared<Filter>(std::move(read->value));
}

/// What the guest sends from its own address passes. The constant makes filters of one text differ.
std::shared_ptr<const Filter> own_address(const std::string& name, int constant) {
  return parsed("<filter name='" + name +
                "' chain='root'><rule action='accept' direction='out'><ip srcipaddr='$IP'/></rule>"
                "<rule action='accept' direction='in'><ip protocol='udp' dstportstart='" +
                std::to_string(constant) + "'/></rule><rule action='drop' direction='inout'/></filter>");
}

class FirewallTest : public ::testing::Test {
 protected:
  FirewallTest() {
    for (int i = 0; i < 8; ++i) {
      const std::string name = "f" + std::to_string(i);
      filters_.emplace(name, own_address(name, 1000 + i));
    }
    EXPECT_TRUE(firewall_.reconcile({}, programs_).has_value());
  }

  static Binding bound(const std::string& port, const std::string& filter, const std::vector<std::string>& addresses) {
    Binding binding{.owner = {},
                    .port = *PortName::parse(port),
                    .mac = *Mac::parse("52:54:00:00:00:01"),
                    .filter = filter,
                    .variables = {},
                    .source = {}};
    if (!addresses.empty()) binding.variables["IP"] = addresses;
    return binding;
  }
  static Binding learned(const std::string& port, const std::string& filter, const std::string& address) {
    Binding binding = bound(port, filter, {});
    if (!address.empty()) binding.learned["IP"] = {address};
    return binding;
  }

  /// What it took.
  std::vector<std::string> change(std::optional<Binding> before, std::optional<Binding> after) {
    backend_.asked.clear();
    const auto done = firewall_.transition({{std::move(before), std::move(after)}}, {}, programs_, programs_);
    EXPECT_TRUE(done.has_value()) << describe(done.error());
    return backend_.asked;
  }
  std::vector<std::string> bind(const Binding& binding) { return change(std::nullopt, binding); }

  std::map<std::string, std::shared_ptr<const Filter>> filters_;
  Recorder backend_;
  Programs programs_{[this](const std::string& name) -> Result<std::shared_ptr<const Filter>> {
                       const auto found = filters_.find(name);
                       return found == filters_.end() ? nullptr : found->second;
                     },
                     kAble, LowerOptions{}};
  Firewall firewall_{backend_, std::nullopt};
};

TEST_F(FirewallTest, APortThatComesGoesOrGetsOtherValuesWaitsForNobody) {
  const Binding port = bound("vnet0", "f0", {"192.0.2.1"}), other = bound("vnet0", "f0", {"192.0.2.2", "192.0.2.3"});
  EXPECT_THAT(bind(port), ElementsAre("apply"));
  EXPECT_THAT(change(port, other), ElementsAre("apply"));
  EXPECT_THAT(change(other, std::nullopt), ElementsAre("apply"));
}

TEST_F(FirewallTest, AMoveToAProgramThatComesWithItLetsPacketsOfBeforeLeave) {
  const Binding from = bound("vnet0", "f0", {"192.0.2.1"}), to = bound("vnet0", "f1", {"192.0.2.1"});
  bind(from);
  EXPECT_THAT(change(from, to), ElementsAre("apply", "leave", "apply"));
}

TEST_F(FirewallTest, AMoveAgainstTheOrderOfLookupsLetsThemLeaveToo) {
  bind(bound("vnet1", "f0", {"192.0.2.11"}));
  bind(bound("vnet2", "f1", {"192.0.2.12"}));
  const Binding first = bound("vnet0", "f0", {"192.0.2.1"}), second = bound("vnet0", "f1", {"192.0.2.1"});
  bind(first);
  EXPECT_THAT(change(first, second), ElementsAre("apply", "apply")) << "found in f0, or later on in f1";
  EXPECT_THAT(change(second, first), ElementsAre("apply", "leave", "apply"));
}

TEST_F(FirewallTest, WhoseValuesAreSweptLetsPacketsLeaveTheProgramFirst) {
  filters_["mac"] = parsed(
      "<filter name='mac' chain='root'><rule action='accept' direction='out'><mac srcmacaddr='$MAC'/></rule>"
      "<rule action='drop' direction='inout'/></filter>");
  const Binding from = bound("vnet0", "f0", {"192.0.2.1"}), to = bound("vnet0", "mac", {"192.0.2.1"});
  bind(bound("vnet1", "f0", {"192.0.2.11"}));
  bind(bound("vnet2", "mac", {"192.0.2.12"}));
  bind(from);
  EXPECT_THAT(change(from, to), ElementsAre("apply", "apply", "leave", "apply"));
}

TEST_F(FirewallTest, AFirstAddressIsInForceWithoutAWaitWhateverElseTheHostRuns) {
  for (int i = 0; i < 6; ++i)
    bind(bound("vnet1" + std::to_string(i), "f" + std::to_string(i), {"192.0.2.1" + std::to_string(i)}));
  for (const char* filter : {"f0", "f3", "f5"}) {
    const Binding waits = learned("vnet0", filter, ""), knows = learned("vnet0", filter, "192.0.2.1");
    bind(waits);
    const auto took = change(waits, knows);
    EXPECT_THAT(took, ::testing::Not(::testing::Contains("leave"))) << filter;
    EXPECT_THAT(took, ::testing::Not(IsEmpty()));
    EXPECT_THAT(change(knows, waits), ::testing::Contains("leave")) << "and back is against the order";
    change(waits, std::nullopt);
  }
}

TEST_F(FirewallTest, AFirstAddressIsOneTransactionWhereBothProgramsAreThere) {
  bind(bound("vnet1", "f0", {"192.0.2.11"}));
  bind(learned("vnet2", "f0", ""));
  const Binding waits = learned("vnet0", "f0", ""), knows = learned("vnet0", "f0", "192.0.2.1");
  bind(waits);
  const auto took = change(waits, knows);
  ASSERT_THAT(took, ::testing::Each("apply"));
  EXPECT_THAT(took, ::testing::SizeIs(::testing::Le(2)))
      << "the change, and a sweep of what only waiting ports look up";
  EXPECT_THAT(change(knows, waits), ElementsAre("apply", "leave", "apply"))
      << "what the old program's first layer let pass meets its second one, too";
}

/// UDP to a port, from the guest of vnet0.
simulate::Packet udp_to(std::uint8_t port) {
  Bytes frame{0x02, 0, 0, 0, 0, 9, 0x52, 0x54, 0, 0, 0, 1, 8, 0};
  const Bytes ip{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 9};
  const Bytes udp{0, 99, 0, port, 0, 8, 0, 0};
  frame.insert(frame.end(), ip.begin(), ip.end());
  frame.insert(frame.end(), udp.begin(), udp.end());
  return {frame, "vnet0", "lan0", false, false};
}

/// Through this layer alone.
bool passes(Ruleset ruleset, std::string_view layer, const simulate::Packet& packet) {
  std::erase_if(ruleset.tables.at(Family::Bridge).chains, [&](const auto& chain) {
    return chain.second.base && chain.first.starts_with("guest-") && !chain.first.ends_with(layer);
  });
  return simulate::Evaluator(ruleset, kAble).judge(packet).outcome == simulate::Outcome::Pass;
}

// One layer drops it before, the other layer afterwards: a packet between the layers meets one of the two.
TEST_F(FirewallTest, AnEditOfBothLayersIsNeverHalfSeen) {
  const auto version = [&](const std::string& drop) {
    return parsed("<filter name='both' chain='root'><rule action='drop' direction='out' priority='100'>" + drop +
                  "</rule><rule action='drop' direction='out'><ip protocol='udp' dstportstart='98'/></rule>"
                  "<rule action='drop' direction='out'><udp dstportstart='97'/></rule>"
                  "<rule action='accept' direction='inout'><all/></rule>"
                  "<rule action='accept' direction='inout' priority='900'/></filter>");
  };
  const auto by_ethernet = version("<ip protocol='udp' dstportstart='53'/>"),
             by_inet = version("<udp dstportstart='53'/>");
  filters_["both"] = by_ethernet;
  bind(bound("vnet0", "both", {}));
  for (const auto& next : {by_inet, by_ethernet, by_inet}) {
    auto others = filters_;
    others["both"] = next;
    Programs after([&](const std::string& name) -> Result<std::shared_ptr<const Filter>> { return others.at(name); },
                   kAble, LowerOptions{});
    for (const std::uint8_t port : {std::uint8_t{53}, std::uint8_t{54}}) {
      backend_.asked.clear();
      backend_.held.clear();
      backend_.note();
      const Edit edit = firewall_.edit({"both"}, after);
      ASSERT_THAT(edit.reshaped, IsEmpty());
      const auto done = firewall_.transition({}, edit.programs, programs_, after);
      ASSERT_TRUE(done.has_value()) << describe(done.error());
      EXPECT_THAT(backend_.asked, ElementsAre("apply", "leave", "apply", "leave", "apply"));
      const auto& held = backend_.held;
      ASSERT_EQ(held.size(), 4U);
      for (std::size_t i = 0; i < held.size(); ++i)
        for (std::size_t later = i; later < std::min(i + 2, held.size()); ++later)
          EXPECT_EQ(passes(held[i], "ethernet", udp_to(port)) && passes(held[later], "inet", udp_to(port)), port == 54)
              << "ethernet after " << i << " transactions, inet after " << later;
      if (port == 54) continue;
      // Back, for the other packet.
      const Edit back = firewall_.edit({"both"}, programs_);
      ASSERT_TRUE(firewall_.transition({}, back.programs, after, programs_).has_value());
    }
    filters_ = others;
    programs_ =
        Programs([this](const std::string& name) { return Result<std::shared_ptr<const Filter>>(filters_.at(name)); },
                 kAble, LowerOptions{});
  }
}

}  // namespace
}  // namespace nwf::host
