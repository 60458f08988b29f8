// SPDX-License-Identifier: GPL-2.0-or-later
// What a transaction does, as plain data: printable, comparable, in an order the kernel accepts.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "engine/ruleset/ruleset.h"

namespace nwf {

namespace change {

struct AddTable {};
/// With everything in it.
struct DeleteTable {};
/// The chain without its rules. A chain that is there already is left as it is.
struct AddChain {
  Chain chain;
};
/// Removes the chain's rules, not the chain.
struct FlushChain {
  std::string chain;
};
struct DeleteChain {
  std::string chain;
};
/// Appends a rule to a chain.
struct AddRule {
  std::string chain;
  Rule rule;
};
struct AddSet {
  Set set;
};
struct DeleteSet {
  std::string set;
};
struct AddElements {
  Set set;  ///< its name and key type; whether it is a verdict map
  std::vector<Element> elements;
  bool exclusive = false;  ///< refused by the kernel when an element is there already
};
struct DeleteElements {
  Set set;
  std::vector<Element> elements;
};

}  // namespace change

struct Change {
  Family family;
  std::variant<change::AddTable, change::DeleteTable, change::AddChain, change::FlushChain, change::DeleteChain,
               change::AddRule, change::AddSet, change::DeleteSet, change::AddElements, change::DeleteElements>
      what;
};

/// Applied in this order, as one transaction.
using Changes = std::vector<Change>;

}  // namespace nwf
