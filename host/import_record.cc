// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/import_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace nwf::host {
namespace {

using Json = nlohmann::ordered_json;
using netlink::ForeignPiece;
using netlink::ForeignRule;

constexpr int kVersion = 1;

std::string hex(const Bytes& bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::optional<Bytes> bytes_from(const std::string& text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return bytes;
}

Json to_json(const std::map<std::string, Replaced>& objects) {
  Json all = Json::object();
  for (const auto& [name, replaced] : objects)
    all[name] = {{"before", replaced.before ? Json(*replaced.before) : Json(nullptr)}, {"imported", replaced.imported}};
  return all;
}

std::map<std::string, Replaced> objects_from(const Json& json) {
  std::map<std::string, Replaced> all;
  for (const auto& [name, object] : json.items()) {
    Replaced replaced;
    if (!object.at("before").is_null()) replaced.before = object.at("before").get<std::string>();
    replaced.imported = object.at("imported");
    all.emplace(name, std::move(replaced));
  }
  return all;
}

Json to_json(const ForeignPiece& piece) {
  Json rules = Json::array();
  for (std::size_t i = 0; i < piece.chain.rules.size(); ++i) {
    const ForeignRule& rule = piece.chain.rules[i];
    rules.push_back({{"place", piece.whole ? i : piece.places[i]}, {"is", rule.shape}, {"message", hex(rule.message)}});
  }
  return {{"family", piece.family},   {"table", piece.table},     {"chain", piece.chain.name},
          {"whole", piece.whole},     {"base", piece.chain.base}, {"message", hex(piece.chain.message)},
          {"rules", std::move(rules)}};
}

/// Nothing when its bytes are spoilt.
std::optional<ForeignPiece> piece_from(const Json& json) {
  ForeignPiece piece;
  piece.family = json.at("family");
  piece.table = json.at("table");
  piece.chain.name = json.at("chain");
  piece.whole = json.at("whole");
  piece.chain.base = json.at("base");
  auto message = bytes_from(json.at("message"));
  if (!message) return std::nullopt;
  piece.chain.message = std::move(*message);
  for (const Json& each : json.at("rules")) {
    ForeignRule rule;
    rule.shape = each.at("is");
    auto bytes = bytes_from(each.at("message"));
    if (!bytes) return std::nullopt;
    rule.message = std::move(*bytes);
    piece.chain.rules.push_back(std::move(rule));
    if (!piece.whole) piece.places.push_back(each.at("place"));
  }
  return piece;
}

}  // namespace

std::string to_text(const ImportRecord& record) {
  Json chains = Json::array();
  for (const ForeignPiece& piece : record.chains) chains.push_back(to_json(piece));
  const Json json = {{"version", kVersion},
                     {"filters", to_json(record.filters)},
                     {"bindings", to_json(record.bindings)},
                     {"place", record.place},
                     {"chains", std::move(chains)}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<ImportRecord> import_record_from_text(const std::string& text, const std::string& file) {
  const auto spoilt = [&] {
    return fail(ErrorKind::Invalid, fmt::format("{} is not what an import wrote", file),
                "without it an import cannot be taken back; move it away to import anew");
  };
  try {
    const Json json = Json::parse(text);
    if (json.at("version") != kVersion) return spoilt();
    ImportRecord record;
    record.filters = objects_from(json.at("filters"));
    record.bindings = objects_from(json.at("bindings"));
    record.place = json.at("place");
    for (const Json& each : json.at("chains")) {
      auto piece = piece_from(each);
      if (!piece) return spoilt();
      record.chains.push_back(std::move(*piece));
    }
    return record;
  } catch (const Json::exception&) {
    return spoilt();
  }
}

void add_chains(std::vector<ForeignPiece>& all, const std::vector<ForeignPiece>& more) {
  for (const ForeignPiece& piece : more) {
    const auto same = std::find_if(all.begin(), all.end(), [&](const ForeignPiece& other) {
      return other.family == piece.family && other.table == piece.table && other.chain.name == piece.chain.name;
    });
    if (same == all.end()) {
      all.push_back(piece);
      continue;
    }
    const ForeignPiece older = std::exchange(*same, piece);
    if (piece.whole || older.whole) continue;
    for (std::size_t i = 0; i < older.chain.rules.size(); ++i) {
      const ForeignRule& rule = older.chain.rules[i];
      auto& rules = same->chain.rules;
      if (std::any_of(rules.begin(), rules.end(), [&](const auto& other) { return other.shape == rule.shape; }))
        continue;
      // Where the older rule was, the newer ones behind it were one place further on.
      for (std::size_t& place : same->places)
        if (place >= older.places[i]) ++place;
      const auto after = std::upper_bound(same->places.begin(), same->places.end(), older.places[i]);
      rules.insert(rules.begin() + (after - same->places.begin()), rule);
      same->places.insert(after, older.places[i]);
    }
  }
}

}  // namespace nwf::host
