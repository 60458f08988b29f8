// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/library.h"

#include <fmt/format.h>

#include <algorithm>

#include "xml/filter.h"

namespace nwf::host {
namespace {

using store::Shelf;

bool refers_to(const Filter& filter, const std::string& name) {
  return std::any_of(filter.entries.begin(), filter.entries.end(), [&](const FilterEntry& entry) {
    const auto* ref = std::get_if<FilterRef>(&entry);
    return ref != nullptr && ref->filter == name;
  });
}

}  // namespace

Result<void> Library::seed() {
  NWF_TRY(const auto names, store_.list(Shelf::Filters));
  if (!names.empty()) return {};
  std::vector<store::Document> documents;
  for (const StockFilter& filter : stock_filters()) documents.push_back({std::string(filter.name), filter.text});
  return store_.fill(Shelf::Filters, documents);
}

Result<std::shared_ptr<const Filter>> Library::find(const std::string& name) {
  if (const auto known = known_.find(name); known != known_.end()) return known->second;
  NWF_TRY(const auto text, store_.get(Shelf::Filters, name));
  if (!text) return std::shared_ptr<const Filter>();
  NWF_TRY(auto parsed, xml::read_filter(*text, store_.path(Shelf::Filters, name)));
  auto filter = std::make_shared<const Filter>(std::move(parsed.value));
  known_.emplace(name, filter);
  return filter;
}

Result<std::string> Library::name_of(const Uuid& uuid) {
  NWF_TRY(const auto names, store_.list(Shelf::Filters));
  for (const std::string& name : names) {
    const auto filter = find(name);
    // A spoilt neighbour is reported where it is used, not here.
    if (filter && *filter != nullptr && (*filter)->uuid == uuid) return name;
  }
  return std::string();
}

Result<std::shared_ptr<const Filter>> Library::resolve(const std::string& name_or_uuid) {
  NWF_TRY(auto filter, find(name_or_uuid));
  if (filter == nullptr) {
    if (const auto uuid = Uuid::parse(name_or_uuid)) {
      NWF_TRY(const std::string name, name_of(*uuid));
      if (!name.empty()) return find(name);
    }
    return fail(ErrorKind::NotFound, fmt::format("there is no filter '{}'", name_or_uuid), "see `nwfctl filter list`");
  }
  return filter;
}

Result<std::vector<FilterSummary>> Library::list() {
  NWF_TRY(const auto names, store_.list(Shelf::Filters));
  std::vector<FilterSummary> summaries;
  for (const std::string& name : names) {
    NWF_TRY(const auto filter, find(name));
    if (filter != nullptr) summaries.push_back({name, filter->uuid.value_or(Uuid{})});
  }
  return summaries;
}

Result<std::vector<std::string>> Library::referrers(const std::string& name) {
  NWF_TRY(const auto names, store_.list(Shelf::Filters));
  std::vector<std::string> result;
  for (const std::string& other : names) {
    NWF_TRY(const auto filter, find(other));
    if (filter != nullptr && refers_to(*filter, name)) result.push_back(other);
  }
  return result;
}

FilterLookup Library::lookup() {
  return [this](const std::string& name) { return find(name); };
}

FilterLookup Library::lookup_with(std::vector<std::shared_ptr<const Filter>> changed) {
  std::map<std::string, std::shared_ptr<const Filter>> by_name;
  for (auto& filter : changed) by_name.emplace(filter->name, std::move(filter));
  return [this, by_name = std::move(by_name)](const std::string& name) -> Result<std::shared_ptr<const Filter>> {
    const auto found = by_name.find(name);
    return found == by_name.end() ? find(name) : found->second;
  };
}

}  // namespace nwf::host
