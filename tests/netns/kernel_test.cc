// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel as a backend: whole or nothing, generations, reading back what was written.
#include <fmt/format.h>

#include "engine/ruleset/diff.h"
#include "netlink/nftables/userdata.h"
#include "tests/netns/fixture.h"

namespace nwf::test {
namespace {

class KernelNetns : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    compare_at_end_ = false;  // these tests write rules of their own
  }

  /// Every expression that needs no conntrack in the bridge family, and some set of every kind.
  static Ruleset sample() {
    Ruleset ruleset;
    Table table{Family::Bridge, {}, {}, {}};
    table.sets["m"] = {"m", {{KeyType::IfName, 16}}, true, false, 0, 0, "a map"};
    table.sets["s"] = {"s", {{KeyType::IfName, 16}, {KeyType::EtherAddr, 6}}, false, false, 0, 0, "a set"};
    table.sets["d"] = {"d", {{KeyType::IfName, 16}, {KeyType::Ipv4Addr, 4}}, false, true, 1, 100, "dynamic"};
    Chain target{"target", std::nullopt, {}, "regular"};
    target.rules.push_back({{expr::MetaLoad{MetaKey::InterfaceIn, 0}, expr::Payload{PayloadBase::Link, 6, 6, 4},
                             expr::Lookup{"s", 0, true, false}, expr::Immediate{{VerdictCode::Return, {}}}},
                            "one"});
    target.rules.push_back(
        {{expr::MetaLoad{MetaKey::Mark, 0}, expr::Bitwise{0, 0, {0, 0, 0, 7}, {0, 0, 0, 1}}, expr::MetaSetMark{0}},
         "two"});
    target.rules.push_back(
        {{expr::MetaLoad{MetaKey::L4Proto, 0}, expr::Compare{0, CompareOp::NotEqual, {6}}, expr::Counter{}}, "three"});
    target.rules.push_back(
        {{expr::Payload{PayloadBase::Transport, 2, 2, 0}, expr::Range{0, false, {0, 20}, {0, 30}}}, "four"});
    target.rules.push_back({{expr::TcpOptionExists{11, 0}, expr::Compare{0, CompareOp::Equal, {1}}}, "five"});
    target.rules.push_back({{expr::MetaLoad{MetaKey::InterfaceIn, 0}, expr::Payload{PayloadBase::Network, 12, 4, 4},
                             expr::DynamicSet{expr::DynamicSet::Op::Add, "d", 0, 0, false},
                             expr::DynamicSet{expr::DynamicSet::Op::Delete, "d", 0, 0, false}},
                            "six"});
    Chain base{"base", BaseHook{Hook::Prerouting, -300}, {}, "base"};
    base.rules.push_back({{expr::MetaLoad{MetaKey::InterfaceIn, 0}, expr::Lookup{"m", 0, false, true}}, "dispatch"});
    base.rules.push_back({{expr::Immediate{{VerdictCode::Jump, "target"}}}, "jump"});
    table.chains = {{"base", base}, {"target", target}};
    const auto port = PortName::parse("vnet0")->padded();
    table.elements["m"] = {{Bytes(port.begin(), port.end()), Verdict{VerdictCode::Goto, "target"}}};
    Bytes key(port.begin(), port.end());
    key.insert(key.end(), {0x52, 0x54, 0, 0, 0, 1, 0, 0});
    table.elements["s"] = {{key, std::nullopt}};
    ruleset.tables.emplace(Family::Bridge, std::move(table));
    return ruleset;
  }
};

TEST_F(KernelNetns, WhatIsWrittenIsReadBack) {
  const Ruleset wanted = sample();
  NWF_ASSERT_OK(backend_->apply(diff({}, wanted), std::nullopt));
  const auto held = backend_->read();
  NWF_ASSERT_OK(held);
  for (const std::string& line : describe(diff(held->ruleset, wanted))) ADD_FAILURE() << line;
  EXPECT_EQ(held->ruleset, wanted);
  NWF_ASSERT_OK(backend_->apply(diff(held->ruleset, {}), held->generation));
  EXPECT_TRUE(backend_->read()->ruleset.tables.empty());
}

TEST_F(KernelNetns, ATransactionIsWholeOrNothing) {
  const Ruleset wanted = sample();
  const Changes good = diff({}, wanted);
  // The same changes with one more that the kernel refuses, at every place.
  for (std::size_t at = 1; at <= good.size(); ++at) {
    Changes bad = good;
    bad.insert(bad.begin() + static_cast<std::ptrdiff_t>(at), Change{Family::Bridge, change::DeleteChain{"not-there"}});
    const auto applied = backend_->apply(bad, std::nullopt);
    ASSERT_FALSE(applied.has_value()) << at;
    EXPECT_NE(applied.error().message.find("not-there"), std::string::npos) << applied.error().message;
    EXPECT_TRUE(backend_->read()->ruleset.tables.empty()) << at;
  }
}

TEST_F(KernelNetns, AnOutdatedGenerationIsRefused) {
  const auto generation = backend_->generation();
  NWF_ASSERT_OK(generation);
  const auto first = backend_->apply({{Family::Bridge, change::AddTable{}}}, *generation);
  NWF_ASSERT_OK(first);
  EXPECT_EQ(*first, *backend_->generation());
  const auto second = backend_->apply({{Family::Bridge, change::DeleteTable{}}}, *generation);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, ErrorKind::Outdated);
}

TEST_F(KernelNetns, ManyElementsGoInOneTransaction) {
  Ruleset wanted = sample();
  Table& table = wanted.tables.at(Family::Bridge);
  for (int i = 0; i < 20'000; ++i) {
    const auto port = PortName::parse(fmt::format("nwf{}", i))->padded();
    table.elements["m"].insert({Bytes(port.begin(), port.end()), Verdict{VerdictCode::Goto, "target"}});
  }
  const auto before = backend_->generation();
  NWF_ASSERT_OK(backend_->apply(diff({}, wanted), *before));
  EXPECT_EQ(*backend_->generation(), *before + 1);
  EXPECT_EQ(backend_->read()->ruleset.tables.at(Family::Bridge).elements.at("m").size(), 20'001U);
}

TEST_F(KernelNetns, ProbingChangesNothing) {
  const auto before = backend_->generation();
  const auto capabilities = backend_->capabilities();
  NWF_ASSERT_OK(capabilities);
  EXPECT_NE(capabilities->bridge_conntrack, Probe::Unknown);
  EXPECT_NE(capabilities->bridge_reject, Probe::Unknown);
  EXPECT_NE(capabilities->interface_kind, Probe::Unknown);
  EXPECT_EQ(*backend_->generation(), *before);
  EXPECT_TRUE(backend_->read()->ruleset.tables.empty());
}

TEST(UserdataNetns, AnyBytesAreReadSafely) {
  using netlink::comment_in;
  const Bytes whole = netlink::comment_userdata(0, "hello");
  EXPECT_EQ(comment_in(whole, 0), "hello");
  for (std::size_t length = 0; length < whole.size(); ++length) EXPECT_EQ(comment_in({whole.data(), length}, 0), "");
  const Bytes lies{0, 255, 'a'};
  EXPECT_EQ(comment_in(lies, 0), "");
  const Bytes second{7, 1, 'x', 0, 3, 'a', 'b', 0};
  EXPECT_EQ(comment_in(second, 0), "ab");
}

}  // namespace
}  // namespace nwf::test
