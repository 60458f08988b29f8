// SPDX-License-Identifier: GPL-2.0-or-later
// A filter tree as one list of rules, in the order of the text, references replaced by what they refer to.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/model/filter.h"

namespace nwf {

/// One rule of the tree, with what its place in the tree says about it.
struct FlatRule {
  const FilterRule* rule;  ///< inside `owner`
  std::shared_ptr<const Filter> owner;
  int number;            ///< 1 for the filter's first rule
  int chain_priority;    ///< of the filter it stands in
  Variables parameters;  ///< what the references on the way to it give; the outermost reference wins,
                         ///< as in libvirt 9.0

  /// `FILTER rule N line L`: what a rule in the kernel says of its origin.
  std::string origin() const;
};

struct FlatFilter {
  std::vector<FlatRule> rules;
  std::vector<std::string> filters;  ///< names of all filters of the tree, sorted, each once
};

/// Finds a filter by name: nullptr when there is none, an error when it cannot be read.
using FilterLookup = std::function<Result<std::shared_ptr<const Filter>>(const std::string& name)>;

/// Most rules a tree may have once flattened; more is refused rather than handed to the kernel.
constexpr std::size_t kMaxFlatRules = 100'000;
/// Most filters on a way from the root, itself counted.
constexpr std::size_t kMaxReferenceDepth = 64;

/// Errors: NotFound for a missing reference (with the place of the reference), Refused for a cycle (its
/// filters named in order) and for a tree over the limits above.
Result<FlatFilter> flatten(const std::shared_ptr<const Filter>& root, const FilterLookup& lookup);

}  // namespace nwf
