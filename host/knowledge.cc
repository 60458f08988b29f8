// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/knowledge.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace nwf::host {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 5;

Json to_json(const Capabilities& c) {
  return Json::array({static_cast<int>(c.bridge_conntrack), static_cast<int>(c.bridge_reject),
                      static_cast<int>(c.bridge_netfilter4), static_cast<int>(c.bridge_netfilter6),
                      static_cast<int>(c.interface_kind)});
}

Capabilities capabilities_from(const Json& json) {
  const auto probe = [&](std::size_t i) { return static_cast<Probe>(json.at(i).get<int>()); };
  return {probe(0), probe(1), probe(2), probe(3), probe(4)};
}

Json to_json(const KnownProgram& program) {
  Json needs = Json::array();
  for (const Need need : program.needs) needs.push_back(static_cast<int>(need));
  Json limits = Json::array();
  for (const MarkedLimit& limit : program.limits) limits.push_back({limit.above, limit.reject});
  return {{"filter", program.filter}, {"filters", program.filters}, {"hash", program.hash},
          {"ports", program.ports},   {"chains", program.chains},   {"sets", program.sets},
          {"needs", needs},           {"limits", limits},           {"ports_set", program.ports_set},
          {"entry", program.entry},   {"common", program.common},   {"sample", program.sample},
          {"facts", program.facts},   {"values", program.values},   {"checked", program.checked}};
}

KnownProgram program_from(const Json& json) {
  KnownProgram program;
  program.filter = json.at("filter");
  program.filters = json.at("filters").get<std::vector<std::string>>();
  program.hash = json.at("hash");
  program.ports = json.at("ports");
  program.chains = json.at("chains").get<std::map<std::string, std::string>>();
  program.sets = json.at("sets").get<std::vector<std::string>>();
  for (const Json& need : json.at("needs")) program.needs.insert(static_cast<Need>(need.get<int>()));
  for (const Json& limit : json.at("limits"))
    program.limits.insert({limit.at(0).get<std::uint16_t>(), limit.at(1).get<bool>()});
  program.ports_set = json.at("ports_set");
  program.entry = json.at("entry").get<FlowEntries>();
  program.common = json.at("common");
  program.sample = json.at("sample").get<Variables>();
  program.facts = json.at("facts").get<std::vector<std::string>>();
  program.values = json.at("values").get<std::vector<std::string>>();
  program.checked = json.at("checked");
  return program;
}

}  // namespace

FrameNeeds Knowledge::frame_needs() const {
  FrameNeeds all;
  if (!closed.empty()) all.add_closed();
  for (const auto& [name, program] : programs) {
    all.needs.insert(program.needs.begin(), program.needs.end());
    all.limits.insert(program.limits.begin(), program.limits.end());
    all.add_dispatch(program.ports_set, program.entry, program.common);
  }
  return all;
}

std::set<std::string> Knowledge::sets() const {
  std::set<std::string> all;
  for (const auto& [name, program] : programs) all.insert(program.sets.begin(), program.sets.end());
  return all;
}

std::string this_namespace() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  struct stat netns {};
  if (stat("/proc/thread-self/ns/net", &netns) != 0) return boot;
  return fmt::format("{} {}:{}", boot, netns.st_dev, netns.st_ino);
}

std::string this_place() {
  std::string place = this_namespace() + " ";
  // What br_netfilter does here is an administrator's switch, which may be moved at any time.
  for (const char* file :
       {"/proc/sys/net/bridge/bridge-nf-call-iptables", "/proc/sys/net/bridge/bridge-nf-call-ip6tables"}) {
    char value = '-';
    std::ifstream(file) >> value;
    place += value;
  }
  return place;
}

Result<std::unique_ptr<store::Lock>> take_lock(store::Store& store) {
  NWF_TRY(auto lock, store.lock());
  if (lock->after_crash()) NWF_CHECK(store.remove(store::Shelf::State, kKnowledgeDocument));
  return lock;
}

std::string to_text(const Knowledge& knowledge) {
  Json programs = Json::object();
  for (const auto& [name, program] : knowledge.programs) programs[name] = to_json(program);
  const Json json = {{"version", kVersion},
                     {"generation", knowledge.generation},
                     {"place", knowledge.place},
                     {"host_traffic", knowledge.host_traffic},
                     {"layers", {knowledge.ethernet, knowledge.inet}},
                     {"capabilities", to_json(knowledge.capabilities)},
                     {"closed", knowledge.closed},
                     {"programs", programs}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Knowledge> knowledge_from_text(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("version") != kVersion) return std::nullopt;
    Knowledge knowledge;
    knowledge.generation = json.at("generation");
    knowledge.place = json.at("place");
    knowledge.host_traffic = json.at("host_traffic");
    knowledge.ethernet = json.at("layers").at(0);
    knowledge.inet = json.at("layers").at(1);
    knowledge.closed = json.at("closed").get<std::set<std::string>>();
    knowledge.capabilities = capabilities_from(json.at("capabilities"));
    for (const auto& [name, program] : json.at("programs").items())
      knowledge.programs.emplace(name, program_from(program));
    return knowledge;
  } catch (const Json::exception&) {
    return std::nullopt;  // a hint that cannot be read is no hint
  }
}

}  // namespace nwf::host
