// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/legacy_record.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "host/knowledge.h"

namespace nwf::host {
namespace {

using Json = nlohmann::json;
using store::Shelf;

constexpr int kVersion = 1;

}  // namespace

Result<std::optional<LegacyRecord>> read_record(store::Store& store, const char* document) {
  NWF_TRY(const auto text, store.get(Shelf::State, document));
  if (!text) return std::optional<LegacyRecord>{};
  try {
    const Json json = Json::parse(*text);
    if (json.at("version") != kVersion || json.at("place") != this_namespace()) return std::optional<LegacyRecord>{};
    LegacyRecord record;
    record.layout = {json.at("classic").get<bool>(), json.at("ethernet").get<bool>()};
    record.in_force = json.at("in_force");
    for (const Json& table : json.at("chains"))
      record.names[{static_cast<legacy::Family>(table.at("family").get<int>()), table.at("table")}] =
          table.at("names").get<std::set<std::string>>();
    return std::optional<LegacyRecord>{std::move(record)};
  } catch (const Json::exception& e) {
    return fail(ErrorKind::Storage, fmt::format("{} is damaged: {}", store.path(Shelf::State, document), e.what()),
                "remove the chains that begin with libvirt-, LIBVIRT_, FI-, FO-, HI- and nwf- by hand, then that file");
  }
}

Result<void> write_record(store::Store& store, const char* document, const LegacyRecord& record) {
  Json chains = Json::array();
  for (const auto& [id, names] : record.names)
    if (!names.empty())
      chains.push_back({{"family", static_cast<int>(id.family)}, {"table", id.name}, {"names", names}});
  const Json json = {{"version", kVersion},
                     {"place", this_namespace()},
                     {"classic", record.layout.classic},
                     {"ethernet", record.layout.ethernet},
                     {"in_force", record.in_force},
                     {"chains", chains}};
  return store.put(Shelf::State, document, json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

bool add_names(const legacy::Tables& coming, LegacyRecord& record) {
  bool fresh = false;
  for (const auto& [id, names] : legacy::chain_names(coming))
    for (const std::string& name : names) fresh = record.names[id].insert(name).second || fresh;
  return fresh;
}

}  // namespace nwf::host
