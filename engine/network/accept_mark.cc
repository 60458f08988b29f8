// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/accept_mark.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "engine/network/host_services.h"
#include "engine/network/rule_parts.h"
#include "engine/ruleset/state.h"

namespace nwf {
namespace {

using namespace network_parts;

/// After the rules that decide, so that only what they let pass comes here, and before all others at 0.
constexpr std::int32_t kMarkPriority = -1;

/// meta mark set meta mark or MARK
Expressions set_bits(std::uint32_t mark) {
  return {expr::MetaLoad{MetaKey::Mark, 0}, expr::Bitwise{0, 0, mark_bytes(~mark), mark_bytes(mark)},
          expr::MetaSetMark{0}};
}

}  // namespace

void add_accept_marks(const std::vector<const Network*>& networks, Table& table) {
  std::set<std::uint32_t> marks;
  for (const Network* network : networks)
    if (network->accept_mark) marks.insert(*network->accept_mark);
  if (marks.empty()) return;
  Chain forward =
      base_chain("accepted", {Hook::Forward, kMarkPriority}, "a mark on what is let pass from or to a network");
  Chain host = base_chain("accepted-host", {Hook::Input, kMarkPriority}, "a mark on what guests ask DHCP and DNS");
  for (const std::uint32_t mark : marks) {
    const std::string bridges = fmt::format("marked.0x{:x}", mark), to_host = fmt::format("marked_host.0x{:x}", mark);
    add_set(table, plain_set(bridges, {kName}, "networks whose packets get this mark"));
    add_set(table, plain_set(to_host, {kName, kProtocol, kPort}, "services of the host whose packets get this mark"));
    forward.rules.push_back(rule(join({in_name(), in_set(bridges)}, set_bits(mark)), "from a network"));
    forward.rules.push_back(rule(join({out_name(), in_set(bridges)}, set_bits(mark)), "to a network"));
    host.rules.push_back(rule(join({in_name(), protocol(4), target_port(5), in_set(to_host)}, set_bits(mark)),
                              "to the host's DHCP and DNS"));
    for (const Network* network : networks) {
      if (network->accept_mark != mark) continue;
      const Bytes bridge = name_bytes(network->bridge.name);
      add(table, bridges, bridge);
      std::set<HostService> services;
      for (const bool ipv6 : {false, true})
        for (const HostService& service : host_services(*network, ipv6)) services.insert(service);
      for (const auto& [number, port] : services) add(table, to_host, joined({bridge, {number}, port_bytes(port)}));
    }
  }
  table.chains.emplace(forward.name, std::move(forward));
  table.chains.emplace(host.name, std::move(host));
}

}  // namespace nwf
