// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/lease_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace nwf::host {
namespace {

using Json = nlohmann::json;
using learn::Instant;

constexpr int kVersion = 1;
/// Further away than this is no time of ours: adding it must not overflow.
constexpr std::int64_t kFarthest = std::int64_t{1} << 50;

Json moment(Instant instant, const Clocks& now) { return Json::array({instant, now.calendar + (instant - now.boot)}); }

// Throws what Json throws for anything but an integer: a real number may be larger than any integer is.
std::int64_t integer(const Json& json) { return json.get_ref<const std::int64_t&>(); }

Instant instant_from(const Json& json, bool same_boot, const Clocks& now) {
  const std::int64_t boot = integer(json.at(0)), calendar = integer(json.at(1));
  const Instant instant = same_boot ? boot : now.boot + (std::clamp(calendar, -kFarthest, kFarthest) - now.calendar);
  return std::clamp(instant, -kFarthest, kFarthest);
}

std::optional<learn::Belief> belief_from(const Json& json, bool same_boot, const Clocks& now) {
  learn::Belief belief;
  const auto text = json.at("address").get<std::string>();
  if (const auto four = Ipv4::parse(text))
    belief.address = *four;
  else if (const auto six = Ipv6::parse(text))
    belief.address = *six;
  else
    return std::nullopt;
  const auto source = learn::parse_source(json.at("source").get<std::string>());
  const std::int64_t prefix = integer(json.at("prefix"));
  const bool four = std::holds_alternative<Ipv4>(belief.address);
  if (!source || prefix < 0 || prefix > 128 || (four && prefix != 32)) return std::nullopt;
  belief.source = *source;
  belief.prefix = static_cast<std::uint8_t>(prefix);
  belief.server = json.at("server").get<std::string>();
  belief.client = json.at("client").get<std::string>();
  belief.since = instant_from(json.at("since"), same_boot, now);
  belief.seen = instant_from(json.at("seen"), same_boot, now);
  if (!json.at("ends").is_null()) belief.ends = instant_from(json.at("ends"), same_boot, now);
  return belief;
}

}  // namespace

std::string to_text(const LeaseFile& leases, const Clocks& now) {
  Json beliefs = Json::array();
  for (const learn::Belief& belief : leases.beliefs)
    beliefs.push_back({{"address", learn::address_text(belief.address)},
                       {"prefix", belief.prefix},
                       {"source", learn::source_name(belief.source)},
                       {"server", belief.server},
                       {"client", belief.client},
                       {"since", moment(belief.since, now)},
                       {"seen", moment(belief.seen, now)},
                       {"ends", belief.ends ? moment(*belief.ends, now) : Json(nullptr)}});
  const Json json = {
      {"version", kVersion}, {"mac", leases.mac.text()}, {"boot", now.boot_id}, {"beliefs", std::move(beliefs)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<LeaseFile> leases_from_text(const std::string& text, const Clocks& now) {
  try {
    const Json json = Json::parse(text);
    if (json.at("version") != kVersion) return std::nullopt;
    const auto mac = Mac::parse(json.at("mac").get<std::string>());
    if (!mac) return std::nullopt;
    const bool same_boot = json.at("boot").get<std::string>() == now.boot_id;
    LeaseFile leases{*mac, {}};
    for (const Json& one : json.at("beliefs")) {
      if (leases.beliefs.size() == learn::kMaxBeliefs) break;
      auto belief = belief_from(one, same_boot, now);
      if (!belief) return std::nullopt;
      leases.beliefs.push_back(std::move(*belief));
    }
    return leases;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace nwf::host
