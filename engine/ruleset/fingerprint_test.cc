// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/fingerprint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace nwf {
namespace {

using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

/// Expressions of which any two differ in one member at least.
std::vector<Expression> different_expressions() {
  using Op = expr::DynamicSet::Op;
  return {
      expr::MetaLoad{MetaKey::InterfaceIn, 0},
      expr::MetaLoad{MetaKey::InterfaceOut, 0},
      expr::MetaLoad{MetaKey::L4Proto, 0},
      expr::MetaLoad{MetaKey::NfProto, 0},
      expr::MetaLoad{MetaKey::Mark, 0},
      expr::MetaLoad{MetaKey::InterfaceInKind, 0},
      expr::MetaLoad{MetaKey::InterfaceIn, 1},
      expr::MetaSetMark{0},
      expr::MetaSetMark{1},
      expr::CtLoad{CtKey::State, 0},
      expr::CtLoad{CtKey::Direction, 0},
      expr::CtLoad{CtKey::State, 1},
      expr::Payload{PayloadBase::Link, 12, 2, 0},
      expr::Payload{PayloadBase::Network, 12, 2, 0},
      expr::Payload{PayloadBase::Transport, 12, 2, 0},
      expr::Payload{PayloadBase::Network, 13, 2, 0},
      expr::Payload{PayloadBase::Network, 12, 3, 0},
      expr::Payload{PayloadBase::Network, 12, 2, 4},
      expr::TcpOptionExists{2, 0},
      expr::TcpOptionExists{3, 0},
      expr::TcpOptionExists{2, 1},
      expr::Bitwise{0, 0, {0xff, 0}, {0, 0}},
      expr::Bitwise{1, 0, {0xff, 0}, {0, 0}},
      expr::Bitwise{0, 1, {0xff, 0}, {0, 0}},
      expr::Bitwise{0, 0, {0xf0, 0}, {0, 0}},
      expr::Bitwise{0, 0, {0xff, 0}, {0, 1}},
      expr::Bitwise{0, 0, {0xff}, {0}},
      expr::Compare{0, CompareOp::Equal, {1, 2}},
      expr::Compare{1, CompareOp::Equal, {1, 2}},
      expr::Compare{0, CompareOp::NotEqual, {1, 2}},
      expr::Compare{0, CompareOp::Less, {1, 2}},
      expr::Compare{0, CompareOp::LessOrEqual, {1, 2}},
      expr::Compare{0, CompareOp::Greater, {1, 2}},
      expr::Compare{0, CompareOp::GreaterOrEqual, {1, 2}},
      expr::Compare{0, CompareOp::Equal, {1, 3}},
      expr::Compare{0, CompareOp::Equal, {1, 2, 0}},
      expr::Compare{0, CompareOp::Equal, {}},
      expr::Range{0, true, {1}, {2}},
      expr::Range{1, true, {1}, {2}},
      expr::Range{0, false, {1}, {2}},
      expr::Range{0, true, {0}, {2}},
      expr::Range{0, true, {1}, {3}},
      expr::Range{0, true, {1, 2}, {3, 4}},
      expr::Lookup{"s", 0, false, false},
      expr::Lookup{"t", 0, false, false},
      expr::Lookup{"s", 1, false, false},
      expr::Lookup{"s", 0, true, false},
      expr::Lookup{"s", 0, false, true},
      expr::DynamicSet{Op::Add, "s", 0, 0, false},
      expr::DynamicSet{Op::Delete, "s", 0, 0, false},
      expr::DynamicSet{Op::Add, "t", 0, 0, false},
      expr::DynamicSet{Op::Add, "s", 1, 0, false},
      expr::DynamicSet{Op::Add, "s", 0, 0, true},
      expr::DynamicSet{Op::Add, "s", 0, 5, true},
      expr::Counter{},
      expr::Reject{},
      expr::Immediate{{VerdictCode::Accept, {}}},
      expr::Immediate{{VerdictCode::Drop, {}}},
      expr::Immediate{{VerdictCode::Return, {}}},
      expr::Immediate{{VerdictCode::Continue, {}}},
      expr::Immediate{{VerdictCode::Jump, "c"}},
      expr::Immediate{{VerdictCode::Goto, "c"}},
      expr::Immediate{{VerdictCode::Jump, "d"}},
      expr::ImmediateData{0, {1, 2}},
      expr::ImmediateData{1, {1, 2}},
      expr::ImmediateData{0, {1, 3}},
      expr::ImmediateData{0, {1}},
  };
}

Chain chain_with(std::vector<Rule> rules) {
  Chain chain;
  chain.name = "web.eth-out";
  chain.rules = std::move(rules);
  return chain;
}

Rule rule_with(std::vector<Expression> expressions, std::string comment = "web rule 1 line 2") {
  return {std::move(expressions), std::move(comment)};
}

const Expression kDrop = expr::Immediate{{VerdictCode::Drop, {}}};
const Expression kAccept = expr::Immediate{{VerdictCode::Accept, {}}};

TEST(Fingerprint, EveryMemberOfAnExpressionShowsInItsText) {
  const auto expressions = different_expressions();
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    const auto [other, added] = seen.emplace(canonical(expressions[i]), i);
    EXPECT_TRUE(added) << "expressions " << other->second << " and " << i << ": " << other->first;
  }
}

TEST(Fingerprint, EqualExpressionsHaveEqualTexts) {
  const auto some = different_expressions(), same = different_expressions();
  for (std::size_t i = 0; i < some.size(); ++i) EXPECT_EQ(canonical(some[i]), canonical(same[i]));
}

TEST(Fingerprint, IsSixteenHexadecimalDigits) {
  for (const Chain& chain : {Chain{}, chain_with({rule_with({kDrop})})})
    EXPECT_THAT(fingerprint(chain), MatchesRegex("[0-9a-f]{16}"));
}

TEST(Fingerprint, AnyExpressionOfAnyRuleCounts) {
  for (const std::size_t at : {0U, 1U, 2U}) {
    std::map<std::string, std::size_t> seen;
    const auto expressions = different_expressions();
    for (std::size_t i = 0; i < expressions.size(); ++i) {
      std::vector<Rule> rules(3, rule_with({expr::Counter{}, kDrop}));
      rules[at].expressions[0] = expressions[i];
      const auto [other, added] = seen.emplace(fingerprint(chain_with(rules)), i);
      EXPECT_TRUE(added) << "rule " << at << ", expressions " << other->second << " and " << i;
    }
  }
}

TEST(Fingerprint, EverythingElseThatTheKernelWouldDoOtherwiseCounts) {
  Chain base = chain_with({rule_with({expr::Counter{}, kDrop}, "one"), rule_with({kAccept}, "two")});
  base.base = BaseHook{Hook::Prerouting, -300};
  const std::vector<std::pair<std::string, std::function<void(Chain&)>>> changes = {
      {"no hook", [](Chain& c) { c.base.reset(); }},
      {"another hook", [](Chain& c) { c.base->hook = Hook::Postrouting; }},
      {"another priority", [](Chain& c) { c.base->priority = 300; }},
      {"the first rule's comment", [](Chain& c) { c.rules[0].comment = "three"; }},
      {"the last rule's comment", [](Chain& c) { c.rules[1].comment = "three"; }},
      {"a comment lost", [](Chain& c) { c.rules[0].comment.clear(); }},
      {"rules in another order", [](Chain& c) { std::swap(c.rules[0], c.rules[1]); }},
      {"a rule lost", [](Chain& c) { c.rules.pop_back(); }},
      {"a rule more", [](Chain& c) { c.rules.push_back(c.rules[1]); }},
      {"an expression lost", [](Chain& c) { c.rules[0].expressions.erase(c.rules[0].expressions.begin()); }},
      {"an expression twice", [](Chain& c) { c.rules[0].expressions.insert(c.rules[0].expressions.begin(), kDrop); }},
      {"expressions in another order",
       [](Chain& c) { std::swap(c.rules[0].expressions[0], c.rules[0].expressions[1]); }},
      {"no rules", [](Chain& c) { c.rules.clear(); }},
  };
  std::map<std::string, std::string> seen{{fingerprint(base), "unchanged"}};
  for (const auto& [name, change] : changes) {
    Chain changed = base;
    change(changed);
    const auto [other, added] = seen.emplace(fingerprint(changed), name);
    EXPECT_TRUE(added) << name << " is as " << other->second;
  }
}

TEST(Fingerprint, OneRuleOfTwoExpressionsIsNotTwoRules) {
  EXPECT_NE(fingerprint(chain_with({rule_with({expr::Counter{}, kDrop}, "")})),
            fingerprint(chain_with({rule_with({expr::Counter{}}, ""), rule_with({kDrop}, "")})));
}

// The kernel keeps a chain's first comment for as long as the chain lives.
TEST(Fingerprint, TheChainsOwnCommentDoesNotCount) {
  Chain one = chain_with({rule_with({kDrop})});
  Chain two = one;
  two.comment = "another";
  EXPECT_EQ(fingerprint(one), fingerprint(two));
  seal(one);
  seal(two);
  EXPECT_EQ(sealed_fingerprint(one), sealed_fingerprint(two));
}

TEST(Fingerprint, ASealedChainCarriesWhatItWasBeforeTheSeal) {
  for (const std::string& comment :
       {std::string(), std::string("web rule 1 line 2"), std::string(kMaxComment, 'x'), std::string("; chain=0")}) {
    Chain chain = chain_with({rule_with({kDrop}, comment), rule_with({kAccept}, "other")});
    chain.base = BaseHook{Hook::Forward, -10};
    const Chain before = chain;
    seal(chain);
    EXPECT_EQ(sealed_fingerprint(chain), fingerprint(before)) << comment;
    EXPECT_LE(chain.rules[0].comment.size(), kMaxComment) << comment;
    EXPECT_THAT(chain.rules[0].comment, StartsWith(comment.substr(0, 80)));
    // Nothing but that comment is touched.
    chain.rules[0].comment = before.rules[0].comment;
    EXPECT_EQ(chain, before);
  }
}

TEST(Fingerprint, LongCommentsThatDifferAtTheirEndsGiveDifferentSeals) {
  const std::string start(kMaxComment - 1, 'x');
  Chain one = chain_with({rule_with({kDrop}, start + "1")}), two = chain_with({rule_with({kDrop}, start + "2")});
  seal(one);
  seal(two);
  EXPECT_NE(sealed_fingerprint(one), sealed_fingerprint(two));
}

TEST(Fingerprint, AChainWithoutRulesHasNowhereToCarryASeal) {
  Chain chain;
  chain.name = "web.eth-out";
  chain.comment = "filter web, chain root";
  const Chain before = chain;
  seal(chain);
  EXPECT_EQ(chain, before);
  EXPECT_THAT(sealed_fingerprint(chain), IsEmpty());
}

TEST(Fingerprint, AChainNotSealedSaysSo) {
  EXPECT_THAT(sealed_fingerprint(chain_with({rule_with({kDrop})})), IsEmpty());
}

}  // namespace
}  // namespace nwf
