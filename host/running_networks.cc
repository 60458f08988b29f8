// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/running_networks.h"

#include <optional>

#include "xml/network.h"

namespace nwf::host {
namespace {

/// True when no port gets another filter from the one than from the other.
bool filter_alike(const Network& a, const Network& b) {
  if (a.bridge.name != b.bridge.name || a.filter_of({}) != b.filter_of({})) return false;
  for (const Network* network : {&a, &b})
    for (const PortGroup& group : network->port_groups)
      if (a.filter_of(group.name) != b.filter_of(group.name)) return false;
  return true;
}

}  // namespace

Result<std::unique_ptr<RunningNetworks>> RunningNetworks::open(const std::string& directory) {
  NWF_TRY(auto documents, RunningGuests::open(directory));
  return std::unique_ptr<RunningNetworks>(new RunningNetworks(std::move(documents)));
}

std::set<std::string> RunningNetworks::changed() {
  std::set<std::string> bridges;
  for (const GuestFile& document : documents_->drain()) {
    std::optional<Network> before, now;
    if (const auto known = networks_.extract(document.name)) before = std::move(known.mapped());
    if (document.text)
      if (auto read = xml::read_network(*document.text, document.path)) now = std::move(read->value);
    if (before && now && filter_alike(*before, *now)) {
      networks_.emplace(document.name, std::move(*now));
      continue;
    }
    for (const auto* network : {&before, &now})
      if (*network && (*network)->has_filter()) bridges.insert((*network)->bridge.name);
    if (now) networks_.emplace(document.name, std::move(*now));
  }
  return bridges;
}

std::vector<Network> RunningNetworks::up() const {
  std::vector<Network> networks;
  for (const auto& [name, network] : networks_) networks.push_back(network);
  return networks;
}

}  // namespace nwf::host
