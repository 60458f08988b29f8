// SPDX-License-Identifier: GPL-2.0-or-later
// The defined filters: read from the store when first asked for, and kept.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/model/filter.h"
#include "engine/program/flatten.h"
#include "host/service.h"
#include "store/store.h"

namespace nwf::host {

/// A stock filter as shipped: its name and the text of its file.
struct StockFilter {
  std::string_view name;
  std::string_view text;
};
/// All of them, sorted by name. Generated at build time from host/stock/*.xml.
const std::vector<StockFilter>& stock_filters();
/// The filters of ports that wait for their address, from host/waiting/*.xml. They are no user's: not in the store.
const std::vector<StockFilter>& waiting_filters();

class Library {
 public:
  explicit Library(store::Store& store) : store_(store) {}

  /// Puts the stock filters into an empty store. Called with the store locked.
  Result<void> seed();

  /// The filter of this name, or nullptr. Errors: Storage, Denied, and Invalid for a file somebody spoilt.
  Result<std::shared_ptr<const Filter>> find(const std::string& name);
  /// By name or UUID. Errors: NotFound.
  Result<std::shared_ptr<const Filter>> resolve(const std::string& name_or_uuid);
  /// Sorted by name.
  Result<std::vector<FilterSummary>> list();
  /// The name of the filter with this UUID, or empty.
  Result<std::string> name_of(const Uuid& uuid);
  /// Names of filters that refer to `name` directly, sorted.
  Result<std::vector<std::string>> referrers(const std::string& name);

  /// find(), for compile().
  FilterLookup lookup();
  /// The same, with these in place of the filters of their names.
  FilterLookup lookup_with(std::vector<std::shared_ptr<const Filter>> changed);

  /// What is known of a filter is no longer true.
  void forget(const std::string& name) { known_.erase(name); }
  void forget_all() { known_.clear(); }

 private:
  store::Store& store_;
  std::map<std::string, std::shared_ptr<const Filter>> known_;
};

}  // namespace nwf::host
