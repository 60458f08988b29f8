// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/json.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "tools/nwfctl/exit_code.h"

namespace nwf::tools {
namespace {

using Json = nlohmann::ordered_json;

// Text that is not UTF-8 (a foreign name) becomes U+FFFD instead of an exception.
std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json of(const host::FilterSummary& v) { return {{"name", v.name}, {"uuid", v.uuid.text()}}; }

Json of(const host::BindingSummary& v) { return {{"port", v.port}, {"filter", v.filter}, {"waiting", v.waiting}}; }

Json of(const host::Defined& v) {
  Json json = of(v.filter);
  json["replaced"] = v.replaced;
  json["ports"] = v.ports;
  json["warnings"] = v.warnings;
  return json;
}

Json of(const host::Bound& v) {
  Json json = of(v.binding);
  json["warnings"] = v.warnings;
  return json;
}

Json of(const host::ProgramSummary& v) {
  return {{"name", v.name}, {"filter", v.filter}, {"rules", v.rules}, {"ports", v.ports}};
}

Json of(const host::PortFigures& v) {
  return {{"port", v.port},           {"filter", v.filter},         {"there", v.there},
          {"bridge", v.bridge},       {"frames_out", v.frames_out}, {"bytes_out", v.bytes_out},
          {"frames_in", v.frames_in}, {"bytes_in", v.bytes_in}};
}

Json of(const host::NetworkSummary& v) {
  return {{"name", v.name},           {"uuid", v.uuid.text()},
          {"bridge", v.bridge},       {"forward", forward_mode_name(v.mode)},
          {"active", v.active},       {"persistent", v.persistent},
          {"autostart", v.autostart}, {"degraded", v.degraded}};
}

Json of(const host::LearnedAddress& v) {
  return {{"port", v.port},
          {"variable", v.variable},
          {"address", v.address},
          {"source", v.source},
          {"server", v.server},
          {"age_seconds", v.age_seconds},
          {"lease_seconds", v.lease_seconds ? Json(*v.lease_seconds) : Json(nullptr)}};
}

Json list_of(const std::vector<host::LearnedAddress>& addresses) {
  Json list = Json::array();
  for (const auto& address : addresses) list.push_back(of(address));
  return list;
}

Json list_of(const std::vector<host::PortDrops>& drops) {
  Json list = Json::array();
  for (const host::PortDrops& drop : drops)
    list.push_back({{"port", drop.port},
                    {"filter", drop.filter},
                    {"layer", drop.layer == Layer::Ethernet ? "ethernet" : "inet"},
                    {"direction", drop.direction == Direction::Out ? "out" : "in"},
                    {"rule", drop.rule},
                    {"packets", drop.packets},
                    {"bytes", drop.bytes}});
  return list;
}

template <class Range, class Key>
Json sorted_list(Range items, Key key) {
  std::ranges::sort(items, {}, key);
  Json list = Json::array();
  for (const auto& item : items) list.push_back(of(item));
  return list;
}

Json of(const host::PortRule& v) {
  return {{"layer", v.layer == Layer::Ethernet ? "ethernet" : "inet"},
          {"direction", v.direction == Direction::Out ? "out" : "in"},
          {"chain", v.chain},
          {"rule", v.rule},
          {"origin", v.origin}};
}

std::string_view of(Probe probe) {
  switch (probe) {
    case Probe::No:
      return "no";
    case Probe::Yes:
      return "yes";
    case Probe::Unknown:
      return "unknown";
  }
  return "unknown";
}

Json of(const Capabilities& v) {
  return {{"bridge_conntrack", of(v.bridge_conntrack)},
          {"bridge_reject", of(v.bridge_reject)},
          {"bridge_netfilter4", of(v.bridge_netfilter4)},
          {"bridge_netfilter6", of(v.bridge_netfilter6)},
          {"interface_kind", of(v.interface_kind)}};
}

Json of(const Lease& v) {
  return {{"expires", v.expires}, {"mac", v.mac ? v.mac->text() : ""}, {"ip", v.ip.text()},
          {"prefix", v.prefix},   {"hostname", v.host_name},           {"client_id", v.client_id}};
}

std::string_view of(host::Deed deed) {
  switch (deed) {
    case host::Deed::New:
      return "new";
    case host::Deed::Changed:
      return "changed";
    case host::Deed::Same:
      return "unchanged";
  }
  return "unchanged";
}

Json of(const host::FilterDeed& v) {
  Json json = of(v.filter);
  json["deed"] = of(v.deed);
  return json;
}

Json of(const host::ImportedObject& v, bool binding) {
  Json json = binding ? Json{{"port", v.name}, {"filter", v.filter}, {"guest", v.guest}} : Json{{"name", v.name}};
  json["file"] = v.file;
  json["deed"] = of(v.deed);
  json["kept"] = v.kept;
  json["note"] = v.note;
  if (!binding) json["libvirt_uuid"] = v.libvirt_uuid;
  return json;
}

Json of(const host::BindingDeed& v) {
  Json json = of(v.binding);
  json["deed"] = of(v.deed);
  return json;
}

template <class Deeds>
Json deeds(const Deeds& all) {
  Json list = Json::array();
  for (const auto& deed : all) list.push_back(of(deed));
  return list;
}

/// RFC 3339, in UTC.
std::string moment(std::uint64_t time_us) {
  const std::time_t seconds = static_cast<std::time_t>(time_us / 1'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string fraction = std::to_string(1'000'000 + time_us % 1'000'000);
  fraction[0] = '.';
  return std::string(text, size) + fraction + "Z";
}

Json of(const host::Latency& v) {
  const auto within = [&](double share) {
    const auto us = v.quantile_us(share);
    return us ? Json(*us) : Json(nullptr);
  };
  return {{"count", v.count}, {"sum_us", v.sum_us}, {"p50_us", within(0.5)}, {"p99_us", within(0.99)}};
}

struct Printer {
  Json operator()(const NetworkDefined& v) const {
    Json json = {{"file", v.file}};
    json.update(of(v.result.network));
    json["replaced"] = v.result.replaced;
    json["warnings"] = v.result.warnings;
    return {{"defined", std::move(json)}};
  }
  Json operator()(const NetworkEdited& v) const {
    Json json = {{"name", v.name}, {"changed", v.result.has_value()}};
    if (v.result) {
      json.update(of(v.result->network));
      json["replaced"] = v.result->replaced;
      json["warnings"] = v.result->warnings;
    }
    return {{"edited", std::move(json)}};
  }
  Json operator()(const NetworkDone& v) const {
    Json json = of(v.network);
    json["warnings"] = v.warnings;
    return {{"done", v.what}, {"network", std::move(json)}};
  }
  Json operator()(const NetworkList& v) const {
    return {{"networks", sorted_list(v.networks, &host::NetworkSummary::name)}};
  }
  Json operator()(const host::NetworkSummary& v) const { return {{"network", of(v)}}; }
  Json operator()(const LeaseList& v) const {
    Json leases = Json::array();
    for (const Lease& lease : v.leases) leases.push_back(of(lease));
    return {{"leases", std::move(leases)}};
  }
  Json operator()(const FiltersDefined& v) const {
    Json list = Json::array();
    for (const DefinedFile& done : v.files) {
      Json json = {{"file", done.file}};
      json.update(of(done.result));
      list.push_back(std::move(json));
    }
    return {{"defined", std::move(list)}};
  }
  Json operator()(const FilterUndefined& v) const { return {{"undefined", of(v.filter)}}; }
  Json operator()(const FilterList& v) const {
    return {{"filters", sorted_list(v.filters, &host::FilterSummary::name)}};
  }
  Json operator()(const FilterEdited& v) const {
    Json json = {{"name", v.name}, {"changed", v.result.has_value()}};
    if (v.result) json.update(of(*v.result));
    return {{"edited", std::move(json)}};
  }
  Json operator()(const FilterValid& v) const { return {{"valid", {{"file", v.file}, {"warnings", v.warnings}}}}; }
  Json operator()(const BindingCreated& v) const {
    Json json = {{"file", v.file}};
    json.update(of(v.result));
    return {{"created", std::move(json)}};
  }
  Json operator()(const BindingDeleted& v) const { return {{"deleted", of(v.binding)}}; }
  Json operator()(const BindingList& v) const {
    return {{"bindings", sorted_list(v.bindings, &host::BindingSummary::port)}};
  }
  Json operator()(const DropList& v) const { return {{"drops", list_of(v.drops)}}; }
  Json operator()(const LearnedList& v) const { return {{"learned", list_of(v.addresses)}}; }
  Json operator()(const LearnedForgotten& v) const {
    return {{"forgotten", {{"port", v.port}, {"addresses", list_of(v.addresses)}}}};
  }
  Json operator()(const LearnedGiven& v) const {
    return {{"given", {{"port", v.port}, {"addresses", list_of(v.addresses)}}}};
  }
  Json operator()(const VariablesSet& v) const { return {{"updated", of(v.result)}}; }
  Json operator()(const XmlText& v) const { return {{"xml", v.xml}}; }
  Json operator()(const Exported& v) const {
    return {{"ip", v.tables.ip}, {"ip6", v.tables.ip6}, {"ethernet", v.tables.ethernet}};
  }
  Json operator()(const BackendInForce& v) const { return {{"backend", v.name}, {"chosen", v.chosen}}; }
  Json operator()(const Reconciled& v) const { return {{"changes", v.changes}}; }

  Json operator()(const host::Event& v) const {
    return {{"time", moment(v.time_us)},
            {"event", host::event_name(v.kind)},
            {"port", v.port},
            {"filter", v.filter},
            {"text", v.text},
            {"more", v.more}};
  }
  Json operator()(const Top& v) const {
    return {{"version", v.now.version},
            {"tables", v.now.tables},
            {"uptime_us", v.now.uptime_us},
            {"resident_bytes", v.now.resident_bytes},
            {"clients", v.now.clients},
            {"events", v.now.events},
            {"transactions", of(v.now.transactions)},
            {"transactions_refused", v.now.transactions_refused},
            {"heals", of(v.now.heals)},
            {"ports", sorted_list(v.now.ports, &host::PortFigures::port)},
            {"drops", list_of(v.now.drops)}};
  }

  Json operator()(const host::PortRules& v) const {
    Json rules = Json::array();
    for (const auto& rule : v.rules) rules.push_back(of(rule));
    Json values = Json::array();
    for (const auto& value : v.values) values.push_back({{"set", value.set}, {"values", value.values}});
    return {{"port", v.port}, {"filter", v.filter},        {"program", v.program},
            {"why", v.why},   {"rules", std::move(rules)}, {"values", std::move(values)}};
  }

  Json operator()(const host::Applied& v) const {
    return {{"applied",
             {{"filters", deeds(v.filters)},
              {"bindings", deeds(v.bindings)},
              {"ports", v.ports},
              {"warnings", v.warnings}}}};
  }
  Json operator()(const host::Planned& v) const {
    return {{"planned",
             {{"filters", deeds(v.filters)},
              {"bindings", deeds(v.bindings)},
              {"changes", v.changes},
              {"nft", v.nft},
              {"warnings", v.warnings}}}};
  }

  Json operator()(const host::Imported& v) const {
    const auto objects = [](const std::vector<host::ImportedObject>& all, bool bindings) {
      Json list = Json::array();
      for (const auto& object : all) list.push_back(of(object, bindings));
      return list;
    };
    return {{"imported",
             {{"done", v.done},
              {"filters", objects(v.filters, false)},
              {"bindings", objects(v.bindings, true)},
              {"changes", v.changes},
              {"remove_chains", v.remove_chains},
              {"chains", v.chains},
              {"chain_rules", v.chain_rules},
              {"chains_kept", v.chains_kept},
              {"not_imported", v.not_imported},
              {"warnings", v.warnings}}}};
  }

  Json operator()(const host::ImportUndone& v) const {
    return {{"undone",
             {{"done", v.done},
              {"filters_removed", sorted_list(v.filters_removed, &host::FilterSummary::name)},
              {"filters_restored", v.filters_restored},
              {"bindings_removed", v.bindings_removed},
              {"bindings_restored", v.bindings_restored},
              {"chains", v.chains},
              {"chain_rules", v.chain_rules},
              {"left", v.left},
              {"warnings", v.warnings}}}};
  }

  Json operator()(const host::Status& v) const {
    return {{"root", v.root.empty() ? "/" : v.root},
            {"in_sync", v.in_sync},
            {"differences", v.differences},
            {"filters", v.filters},
            {"bindings", sorted_list(v.bindings, &host::BindingSummary::port)},
            {"programs", sorted_list(v.programs, &host::ProgramSummary::name)},
            {"backend", v.backend},
            {"connection_state", v.connection_state},
            {"reject", v.reject},
            {"capabilities", of(v.capabilities)}};
  }
};

Json error_of(std::string_view kind, const Error& error) {
  return {{"kind", kind},
          {"message", error.message},
          {"file", error.where.file},
          {"line", error.where.line},
          {"column", error.where.column},
          {"remedy", error.remedy}};
}

}  // namespace

std::string to_json(const Value& value) {
  const Json json = std::visit(Printer{}, value);
  // Of values that follow one another, each has a line.
  if (std::holds_alternative<host::Event>(value) || std::holds_alternative<Top>(value))
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return dump(json);
}

std::string to_json(const Error& error) {
  Json json = error_of(kind_name(error.kind), error);
  json["more"] = Json::array();
  for (const Error& further : error.more) json["more"].push_back(error_of(kind_name(further.kind), further));
  return dump({{"error", std::move(json)}});
}

std::string usage_to_json(const std::string& message, const std::string& remedy) {
  Json json = error_of("usage", Error{ErrorKind::Invalid, message, {}, remedy, {}});
  json["more"] = Json::array();
  return dump({{"error", std::move(json)}});
}

}  // namespace nwf::tools
