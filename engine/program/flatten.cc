// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/flatten.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace nwf {
namespace {

class Flattener {
 public:
  explicit Flattener(const FilterLookup& lookup) : lookup_(lookup) { out_.rules.reserve(64); }

  Result<void> visit(const std::shared_ptr<const Filter>& filter, const Variables& parameters) {
    // Also filters without any rule take their time.
    if (++visits_ > kMaxFlatRules)
      return fail(ErrorKind::Refused,
                  fmt::format("filter '{}' refers to more than {} filters once its references are followed",
                              path_.front(), kMaxFlatRules),
                  "refer to each filter once");
    path_.push_back(filter->name);
    seen_.insert(filter->name);
    int number = 0;
    for (const FilterEntry& entry : filter->entries) {
      if (const auto* rule = std::get_if<FilterRule>(&entry)) {
        ++number;
        if (out_.rules.size() >= kMaxFlatRules)
          return fail(ErrorKind::Refused,
                      fmt::format("filter '{}' has more than {} rules once its references are followed", path_.front(),
                                  kMaxFlatRules),
                      "refer to each filter once");
        out_.rules.push_back({rule, filter, number, filter->chain_priority(), parameters});
      } else {
        NWF_CHECK(follow(std::get<FilterRef>(entry), parameters));
      }
    }
    path_.pop_back();
    return {};
  }

  FlatFilter take() {
    out_.filters.assign(seen_.begin(), seen_.end());
    return std::move(out_);
  }

 private:
  Result<void> follow(const FilterRef& ref, const Variables& outer) {
    if (const auto start = std::find(path_.begin(), path_.end(), ref.filter); start != path_.end()) {
      const std::vector<std::string> round(start, path_.end());
      // Where the round begins: that is in the text being defined, when it closes the round.
      const auto first = static_cast<std::size_t>(start - path_.begin());
      const std::string& next = round.size() > 1 ? round[1] : ref.filter;
      return fail(
          {ErrorKind::Refused,
           fmt::format("filters refer to each other in a circle: {} -> {}", fmt::join(round, " -> "), ref.filter),
           first < references_.size() ? references_[first] : ref.source,
           fmt::format("remove the reference to '{}'", next),
           {}});
    }
    if (path_.size() >= kMaxReferenceDepth)
      return fail(
          {ErrorKind::Refused, fmt::format("references nest deeper than {}", kMaxReferenceDepth), ref.source, {}, {}});
    auto found = lookup_(ref.filter);
    if (!found) return fail(std::move(found).error());
    if (*found == nullptr)
      return fail({ErrorKind::NotFound,
                   fmt::format("filter '{}' refers to '{}', which is not defined", path_.back(), ref.filter),
                   ref.source,
                   fmt::format("define '{}' first", ref.filter),
                   {}});
    Variables inner = outer;
    for (const auto& [name, values] : ref.parameters) inner.try_emplace(name, values);
    references_.push_back(ref.source);
    NWF_CHECK(visit(*found, inner));
    references_.pop_back();
    return {};
  }

  const FilterLookup& lookup_;
  std::vector<std::string> path_;
  std::vector<Source> references_;  ///< each the way from path_[i] to path_[i + 1]
  std::set<std::string> seen_;
  std::size_t visits_ = 0;
  FlatFilter out_;
};

}  // namespace

std::string FlatRule::origin() const {
  return fmt::format("{} rule {} line {}", owner->name, number, rule->source.line);
}

Result<FlatFilter> flatten(const std::shared_ptr<const Filter>& root, const FilterLookup& lookup) {
  Flattener flattener(lookup);
  NWF_CHECK(flattener.visit(root, {}));
  return flattener.take();
}

}  // namespace nwf
