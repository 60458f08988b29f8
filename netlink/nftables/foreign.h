// SPDX-License-Identifier: GPL-2.0-or-later
// Chains and rules of other programs, in tables that are not ours: read as they are, taken away, and put back as they
// were. Nothing here knows whose they are: the caller says which, one by one.
//
// A rule is kept as the bytes that the kernel gave for it, so that what comes back is the same expressions, those of
// xtables' matches and targets too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/ruleset/ruleset.h"
#include "netlink/channel.h"

namespace nwf::netlink {

struct ForeignRule {
  std::uint64_t handle = 0;  ///< the kernel's, in this table
  /// What it tests and what it does, in few words, without counters: `iifname vnet0 jump libvirt-I-vnet0`,
  /// `physdev-in vnet0 goto FI-vnet0`. A test that has no words here is the name of its expression.
  std::string shape;
  std::string target;     ///< the chain it jumps or goes to; empty: none
  std::string comment;    ///< as nft shows it; iptables' own comments are a test in the shape
  bool uses_set = false;  ///< looks into a set, which these bytes do not hold
  Bytes message;          ///< attributes of the kernel's message
};

struct ForeignChain {
  std::string name;
  bool base = false;
  bool drops = false;  ///< a base chain whose policy is drop
  Bytes message;       ///< attributes of the kernel's message
  std::vector<ForeignRule> rules;
};

struct ForeignTable {
  std::uint8_t family = 0;  ///< NFPROTO_*
  std::string name;
  std::vector<ForeignChain> chains;
};

/// A table by family and name.
struct ForeignPlace {
  std::uint8_t family = 0;
  std::string name;
};

struct ForeignTables {
  std::uint32_t generation = 0;
  std::vector<ForeignTable> tables;  ///< those that there are
};

/// One thing to take away: all of a chain, or one rule of a chain that stays.
struct ForeignPiece {
  std::uint8_t family = 0;
  std::string table;
  ForeignChain chain;               ///< `rules` are those concerned
  bool whole = false;               ///< the chain goes, too
  std::vector<std::size_t> places;  ///< of a chain that stays: where in it each of `rules` was
};

/// One step of a transaction about rules and chains that are ours in others' tables.
struct ForeignChange {
  enum class Kind : std::uint8_t { MakeChain, AddRule, DeleteRule, EmptyChain, DeleteChain };
  Kind kind = Kind::AddRule;
  std::uint8_t family = 0;
  std::string table;
  std::string chain;
  ForeignRule rule = {};                     ///< to be added
  std::optional<std::uint64_t> handle = {};  ///< of the rule to delete, or that the new one goes before
};

/// A rule of ours for a chain of another program's.
ForeignRule make_foreign_rule(std::uint8_t family, const std::string& table, const std::string& chain,
                              const Rule& rule);

class Foreign {
 public:
  explicit Foreign(std::unique_ptr<Channel> channel) : channel_(std::move(channel)) {}
  /// Errors: Denied, Unsupported.
  static Result<Foreign> open();

  /// These tables as they are at one instant.
  Result<ForeignTables> read(const std::vector<ForeignPlace>& places);
  /// Asks the kernel whether all of it could go and come back as it is; nothing is changed. Errors: those of the
  /// kernel, by the chain it refused.
  Result<void> try_to_return(const std::vector<ForeignPiece>& pieces, std::uint32_t generation);
  /// Takes all of it away at one instant. Errors: Outdated when somebody changed the rules since `generation`.
  Result<void> remove(const std::vector<ForeignPiece>& pieces, std::uint32_t generation);
  /// All of it at one instant, in this order. Errors: Outdated when somebody changed the rules since `generation`.
  Result<void> apply(const std::vector<ForeignChange>& changes, std::uint32_t generation);
  /// Puts back at one instant: chains that are not there now are made, with all their rules; rules of chains that
  /// stayed go to where they were, or as near as the chain allows. Chains and rules that are there again stay as they
  /// are now. How many rules came back.
  Result<std::size_t> put_back(const std::vector<ForeignPiece>& pieces);

 private:
  std::unique_ptr<Channel> channel_;
  std::uint32_t sequence_ = 1;
};

}  // namespace nwf::netlink
