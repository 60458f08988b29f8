// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/networks.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "engine/network/dnsmasq_conf.h"
#include "engine/network/proxied.h"
#include "engine/network/rules.h"
#include "engine/network/shape.h"
#include "engine/ruleset/diff.h"
#include "host/identity.h"
#include "host/knowledge.h"
#include "netlink/links.h"
#include "netlink/nftables/backend.h"
#include "xml/network.h"

namespace nwf::host {
namespace {

using store::Shelf;

constexpr const char* kAutostarted = "networks-autostarted";
/// Names of the networks that are up and shape the table (engine/network/shape.h). What is not there is found out.
constexpr const char* kShaping = "networks-shaping";
constexpr std::string_view kBridgePattern = "virbr%d";

std::string ports_document(const std::string& network) { return "ports." + network; }

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

/// The first failure of several steps that all have to be tried.
class FirstFailure {
 public:
  void operator()(Result<void> result) {
    if (!result && !failure_) failure_ = std::move(result).error();
  }
  Result<void> take() {
    if (failure_) return fail(std::move(*failure_));
    return {};
  }

 private:
  std::optional<Error> failure_;
};

}  // namespace

Result<std::vector<std::string>> check_realisable(const Network& network) {
  const auto refuse = [&](const std::string& what, std::string remedy) {
    return fail({ErrorKind::Unsupported,
                 fmt::format("network '{}' cannot be started: {}", network.name, what),
                 network.source,
                 std::move(remedy),
                 {}});
  };
  const ForwardMode mode = network.mode();
  if (mode != ForwardMode::Bridge && !has_own_bridge(mode))
    return refuse(fmt::format("forward mode='{}' hands out hardware", forward_mode_name(mode)),
                  "use a mode that has a bridge");
  if (mode == ForwardMode::Bridge && network.bridge.name.empty())
    return refuse("forward mode='bridge' without a bridge hands out hardware", "name one: <bridge name='br0'/>");
  if (!network.bridge.kernel_mac_table)
    return refuse("macTableManager='libvirt' is not done", "use macTableManager='kernel'");
  for (const KeptElement& kept : network.kept)
    if (kept.name != "bandwidth") return refuse(fmt::format("<{}> is not done", kept.name), "remove it");
  std::vector<std::string> warnings;
  for (const KeptElement& kept : network.kept)
    if (kept.name == "bandwidth")
      warnings.push_back(fmt::format("network '{}': <bandwidth> is kept, but limits nothing", network.name));
  if (network.domain && network.domain->enroll.value_or(false))
    warnings.push_back(fmt::format("network '{}': its domain is not told to the host's resolver", network.name));
  return warnings;
}

xml::NetworkFilter filters_of(const std::vector<Network>& networks) {
  return [&networks](const std::string& bridge, const std::string& port_group) -> std::optional<FilterRef> {
    for (const Network& network : networks)
      if (network.bridge.name == bridge) return network.filter_of(port_group);
    return std::nullopt;
  };
}

Result<std::optional<Network>> Networks::read(Shelf shelf, const std::string& name) {
  NWF_TRY(const auto text, store_.get(shelf, name));
  if (!text) return std::optional<Network>{};
  NWF_TRY(auto parsed, xml::read_network(*text, store_.path(shelf, name)));
  return std::optional<Network>{std::move(parsed.value)};
}

Result<std::vector<Network>> Networks::read_all(Shelf shelf) {
  NWF_TRY(const auto names, store_.list(shelf));
  std::vector<Network> networks;
  networks.reserve(names.size());
  for (const std::string& name : names) {
    NWF_TRY(auto network, read(shelf, name));
    if (network) networks.push_back(std::move(*network));
  }
  return networks;
}

Result<std::vector<Network>> Networks::named(const std::string& name) {
  if (name.empty()) return up();
  std::vector<Network> found;
  if (!is_network_name(name)) return found;
  for (const Shelf shelf : {Shelf::NetworksUp, Shelf::Networks}) {
    NWF_TRY(auto network, read(shelf, name));
    if (network && found.empty()) found.push_back(std::move(*network));
  }
  return found;
}

Result<std::optional<std::pair<std::string, std::string>>> Networks::giver_of(const std::set<std::string>& filters) {
  using Giver = std::optional<std::pair<std::string, std::string>>;
  for (const Shelf shelf : {Shelf::Networks, Shelf::NetworksUp}) {
    NWF_TRY(const auto networks, read_all(shelf));
    for (const Network& network : networks) {
      const auto gives = [&](const std::optional<FilterRef>& given) {
        return given && filters.contains(given->filter);
      };
      if (gives(network.filter)) return Giver{{network.filter->filter, network.name}};
      for (const PortGroup& group : network.port_groups)
        if (gives(group.filter)) return Giver{{group.filter->filter, network.name}};
    }
  }
  return Giver{};
}

Result<std::string> Networks::resolve(const std::string& name_or_uuid) {
  if (is_network_name(name_or_uuid))
    for (const Shelf shelf : {Shelf::Networks, Shelf::NetworksUp}) {
      NWF_TRY(const auto text, store_.get(shelf, name_or_uuid));
      if (text) return name_or_uuid;
    }
  if (const auto uuid = Uuid::parse(name_or_uuid))
    for (const Shelf shelf : {Shelf::Networks, Shelf::NetworksUp}) {
      NWF_TRY(const auto networks, read_all(shelf));
      for (const Network& network : networks)
        if (network.uuid == uuid) return network.name;
    }
  return fail(ErrorKind::NotFound, fmt::format("there is no network '{}'", name_or_uuid), "see `nwfctl net list`");
}

Result<Network> Networks::require_defined(const std::string& name) {
  NWF_TRY(auto network, read(Shelf::Networks, name));
  if (network) return std::move(*network);
  return fail(ErrorKind::Refused, fmt::format("network '{}' is up, but no longer defined", name),
              fmt::format("define it again: `nwfctl net dumpxml {}`", name));
}

Result<NetworkSummary> Networks::summary(const std::string& name) {
  NWF_TRY(const auto defined, read(Shelf::Networks, name));
  NWF_TRY(const auto up, read(Shelf::NetworksUp, name));
  NWF_TRY(const auto autostart, store_.get(Shelf::Autostart, name));
  if (!defined && !up) return fail(ErrorKind::NotFound, fmt::format("there is no network '{}'", name));
  const Network& network = up ? *up : *defined;
  NetworkSummary out{name,           network.uuid.value_or(Uuid{}), network.bridge.name,   network.mode(),
                     up.has_value(), defined.has_value(),           autostart.has_value(), {}};
  const auto bridge = PortName::parse(network.bridge.name);
  if (up && bridge && !netlink::link_exists(*bridge))
    out.degraded = fmt::format("bridge {} is gone", network.bridge.name);
  else if (up && needs_dnsmasq(*up) && !Dnsmasq(root_, name).running())
    out.degraded = "dnsmasq does not run: no DHCP, no DNS";
  return out;
}

Result<void> Networks::check_identity(const Network& network) {
  NWF_TRY(const auto networks, read_all(Shelf::Networks));
  for (const Network& other : networks) {
    if (other.name == network.name && network.uuid && other.uuid != network.uuid)
      return fail({ErrorKind::Refused,
                   fmt::format("network '{}' already exists with uuid {}", network.name, other.uuid->text()),
                   network.source,
                   "leave <uuid> out, or use that one",
                   {}});
    if (other.name != network.name && network.uuid && other.uuid == network.uuid)
      return fail({ErrorKind::Refused,
                   fmt::format("UUID {} is network '{}' already", network.uuid->text(), other.name),
                   network.source,
                   "leave <uuid> out to get a new one",
                   {}});
  }
  return {};
}

Result<void> Networks::check_bridge(const Network& network) {
  if (network.bridge.name.empty() || !has_own_bridge(network.mode())) return {};
  for (const Shelf shelf : {Shelf::Networks, Shelf::NetworksUp}) {
    NWF_TRY(const auto networks, read_all(shelf));
    for (const Network& other : networks)
      if (other.name != network.name && other.bridge.name == network.bridge.name && has_own_bridge(other.mode()))
        return fail({ErrorKind::Refused,
                     fmt::format("bridge name '{}' is network '{}''s already", network.bridge.name, other.name),
                     network.source,
                     "choose another, or leave it out",
                     {}});
  }
  return {};
}

/// What a definition leaves to us is chosen once, and then written down: it is the same after a restart.
Result<void> Networks::complete(Network& network) {
  NWF_TRY(const auto before, read(Shelf::Networks, network.name));
  NWF_TRY(const auto up, read(Shelf::NetworksUp, network.name));
  const std::optional<Network>& known = before ? before : up;
  if (!network.uuid) network.uuid = known && known->uuid ? known->uuid : std::optional<Uuid>(random_uuid());
  if (!has_own_bridge(network.mode())) return {};
  if (!network.mac) network.mac = known && known->mac ? known->mac : std::optional<Mac>(random_mac());
  const bool pattern = network.bridge.name.find("%d") != std::string::npos;
  if (!network.bridge.name.empty() && !pattern) return {};
  if (known && !known->bridge.name.empty() && !pattern) {
    network.bridge.name = known->bridge.name;
    return {};
  }
  std::vector<std::string> taken;
  for (const Shelf shelf : {Shelf::Networks, Shelf::NetworksUp}) {
    NWF_TRY(const auto networks, read_all(shelf));
    for (const Network& other : networks) taken.push_back(other.bridge.name);
  }
  NWF_TRY(NetworkLinks links, NetworkLinks::open());
  NWF_TRY(network.bridge.name, links.free_name(pattern ? network.bridge.name : std::string(kBridgePattern), taken));
  return {};
}

Result<NetworkDefined> Networks::net_define(const std::string& text, const std::string& file) {
  NWF_TRY(auto parsed, xml::read_network(text, file));
  Network& network = parsed.value;
  NWF_TRY(const auto lock, take_lock(store_));
  NWF_CHECK(check_identity(network));
  NetworkDefined done;
  NWF_TRY(const auto before, store_.get(Shelf::Networks, network.name));
  done.replaced = before.has_value();
  NWF_CHECK(complete(network));
  NWF_CHECK(check_bridge(network));
  NWF_CHECK(store_.put(Shelf::Networks, network.name, xml::write_network(network)));
  for (const Error& warning : parsed.warnings) done.warnings.push_back(nwf::describe(warning));
  NWF_TRY(done.network, summary(network.name));
  return done;
}

Result<NetworkSummary> Networks::net_undefine(const std::string& name_or_uuid) {
  NWF_TRY(const auto lock, take_lock(store_));
  NWF_TRY(const std::string name, resolve(name_or_uuid));
  NWF_CHECK(require_defined(name));
  NWF_TRY(const NetworkSummary gone, summary(name));
  NWF_CHECK(store_.remove(Shelf::Autostart, name));
  if (auto removed = store_.remove(Shelf::Networks, name); !removed) {
    if (gone.autostart) (void)store_.put(Shelf::Autostart, name, "");
    return fail(std::move(removed).error());
  }
  if (!gone.active) Dnsmasq(root_, name).forget_leases();
  return gone;
}

Result<void> Networks::open() {
  if (!table_) {
    NWF_TRY(auto backend, netlink::open_nftables(kNetworksTableName));
    table_.emplace(std::move(backend));
  }
  if (!links_) {
    NWF_TRY(NetworkLinks links, NetworkLinks::open());
    links_ = std::move(links);
  }
  return {};
}

Result<std::vector<Network>> Networks::up_with(const std::optional<Network>& with, const std::string& without) {
  NWF_TRY(auto up, read_all(Shelf::NetworksUp));
  std::erase_if(up, [&](const Network& network) { return network.name == without; });
  if (with) up.push_back(*with);
  std::sort(up.begin(), up.end(), [](const Network& a, const Network& b) { return a.name < b.name; });
  return up;
}

Result<std::optional<std::vector<Network>>> Networks::shaping() {
  using Found = std::optional<std::vector<Network>>;
  NWF_TRY(const auto names, store_.get(Shelf::State, kShaping));
  if (!names) return Found{};
  std::vector<Network> networks;
  for (const std::string& name : lines_of(*names)) {
    NWF_TRY(auto network, read(Shelf::NetworksUp, name));
    if (!network) return Found{};  // written down for one that did not come up after all
    networks.push_back(std::move(*network));
  }
  return Found{std::move(networks)};
}

Result<void> Networks::put_shaping(const std::set<std::string>& names) {
  return store_.put(Shelf::State, kShaping, fmt::format("{}\n", fmt::join(names, "\n")));
}

Result<std::size_t> Networks::bring_to(const std::vector<Network>& up) {
  NWF_TRY(const bool legacy, legacy_.in_force());
  // Those that come, before those that go.
  if (legacy) {
    NWF_TRY(const std::size_t changes, legacy_.apply(up));
    NWF_TRY(const std::size_t gone, table_->bring_to({}));
    return changes + gone;
  }
  NWF_TRY(const std::size_t changes, table_->bring_to(up));
  NWF_CHECK(legacy_.leave());
  return changes;
}

Result<void> Networks::bring_rules(const std::vector<Network>& up) {
  NWF_CHECK(bring_to(up));
  return {};
}

Result<void> Networks::add_rules(const Network& network) {
  NWF_TRY(auto shaping_ones, shaping());
  NWF_TRY(const bool legacy, legacy_.in_force());
  if (!legacy && shaping_ones && network.peers.empty()) {  // its peers may be others than those
    std::set<std::string> names;
    for (const Network& one : *shaping_ones) names.insert(one.name);
    // Written down before it is up: until then the list names one that is not, and is worth nothing.
    if (shapes(network, *shaping_ones) && names.insert(network.name).second) NWF_CHECK(put_shaping(names));
    NWF_TRY(const bool added, table_->add(network, *shaping_ones));
    if (added) return {};
  }
  NWF_TRY(const auto up, up_with(network, network.name));
  NWF_CHECK(bring_rules(up));
  return put_shaping(shape_of(up));
}

/// Rules before addresses and link, so that nothing passes that they would not let pass.
Result<void> Networks::raise(const Network& network, const std::function<Result<void>()>& rules) {
  NWF_CHECK(open());
  if (!has_own_bridge(network.mode())) {
    const std::string& bridge = network.bridge.name;
    NWF_TRY(const bool there, links_->exists(bridge));
    if (!there)
      return fail(ErrorKind::Refused,
                  fmt::format("network '{}' needs bridge {}, which is not there", network.name, bridge),
                  "make it first; nwf makes bridges of isolated, nat, route and open networks only");
    return {};
  }
  const LinkPlan plan = plan_links(network);
  NWF_CHECK(links_->make_bridge(plan));
  NWF_CHECK(rules());
  NWF_CHECK(links_->bring_up(plan));
  NWF_TRY(const auto lost, store_.get(Shelf::State, ports_document(network.name)));
  NWF_CHECK(links_->take_ports(plan, lines_of(lost.value_or(std::string()))));
  NWF_CHECK(Dnsmasq(root_, network.name).run(network));
  // Last, so that nothing of the network's own waits for other interfaces and programs.
  NWF_TRY(const auto guests, proxied(network));
  NWF_CHECK(proxies_.bring(network, guests));
  return others_.enter_zone(network);
}

Result<void> Networks::tell_others(const Network& network) {
  NWF_TRY(const bool told, others_.has_told());
  if (!told && !network.cooperates) return {};
  NWF_TRY(const auto up, up_with(network, network.name));
  NWF_CHECK(others_.tell(up));
  return {};
}

Result<std::vector<IpAddress>> Networks::proxied(const Network& network) {
  if (network.proxy_arp.empty()) return std::vector<IpAddress>{};
  NWF_TRY(const auto leases, Dnsmasq(root_, network.name).leases());
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return proxied_addresses(network, leases,
                           static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count()));
}

Result<void> Networks::lower(const Network& network) {
  NWF_CHECK(open());
  FirstFailure failure;
  failure(Dnsmasq(root_, network.name).stop());
  if (!has_own_bridge(network.mode())) return failure.take();
  failure(others_.leave_zone(network));
  const auto up = up_with(std::nullopt, network.name);
  if (!up)
    failure(fail(up.error()));
  else if (const auto told = others_.tell(*up); !told)
    failure(fail(told.error()));
  failure(proxies_.take_away(network));
  const LinkPlan plan = plan_links(network);
  const auto ours = links_->has_bridge(plan.bridge);
  if (ours && *ours) failure(links_->bring_down(plan.bridge.name));
  if (up)
    if (const auto rules = bring_rules(*up); !rules) failure(fail(rules.error()));
  // Rules that could not be taken away are in the way of nobody once the bridge is gone; the other way round they are.
  failure(links_->remove_bridge(plan.bridge));
  return failure.take();
}

Result<void> Networks::start(const Network& network) {
  NWF_CHECK(open());
  const std::string text = xml::write_network(network);
  if (has_own_bridge(network.mode())) {
    NWF_TRY(const bool taken, links_->exists(network.bridge.name));
    if (taken)
      return fail(ErrorKind::Refused,
                  fmt::format("cannot make bridge {} of network '{}': there is an interface of this name already",
                              network.bridge.name, network.name),
                  "give the network another <bridge name='…'/>, or remove the interface");
    NWF_CHECK(links_->check_room(network));
    NWF_CHECK(others_.check(network));
  }
  NWF_TRY(const auto prepared, store_.prepare(Shelf::NetworksUp, network.name, text));
  NWF_CHECK(store_.put(Shelf::NetworksChanging, network.name, text));
  NWF_TRY(const ForwardingBefore before, ForwardingBefore::read());
  auto raised = raise(network, [&] { return add_rules(network); });
  if (raised) raised = tell_others(network);
  if (raised) raised = prepared->commit();
  if (!raised) {
    Error error = std::move(raised).error();
    const auto lowered = lower(network);
    before.restore();
    if (!lowered) {
      error.message +=
          fmt::format("; and what was made could not all be taken away: {}", nwf::describe(lowered.error()));
      return fail(std::move(error));
    }
    (void)store_.remove(Shelf::NetworksChanging, network.name);  // else the next reconcile does
    return fail(std::move(error));
  }
  // It is up, whatever becomes of these: what stays of them is swept up by the next reconcile and the next stop.
  (void)store_.remove(Shelf::State, ports_document(network.name));
  (void)store_.remove(Shelf::NetworksChanging, network.name);
  return {};
}

Result<NetworkChanged> Networks::net_start(const std::string& name_or_uuid) {
  NWF_TRY(const auto lock, take_lock(store_));
  NWF_TRY(const std::string name, resolve(name_or_uuid));
  NWF_TRY(const auto up, store_.get(Shelf::NetworksUp, name));
  if (up) return fail(ErrorKind::Refused, fmt::format("network '{}' is already active", name));
  NWF_TRY(const Network network, require_defined(name));
  NetworkChanged done;
  NWF_TRY(done.warnings, check_realisable(network));
  NWF_CHECK(start(network));
  NWF_TRY(done.network, summary(name));
  return done;
}

Result<NetworkSummary> Networks::net_stop(const std::string& name_or_uuid) {
  NWF_TRY(const auto lock, take_lock(store_));
  NWF_TRY(const std::string name, resolve(name_or_uuid));
  NWF_TRY(const auto up, read(Shelf::NetworksUp, name));
  if (!up) return fail(ErrorKind::Refused, fmt::format("network '{}' is not active", name));
  NWF_CHECK(open());
  NWF_TRY(NetworkSummary stopped, summary(name));
  if (has_own_bridge(up->mode())) {
    NWF_TRY(const auto ports, links_->ports(up->bridge.name));
    NWF_CHECK(store_.put(Shelf::State, ports_document(name), fmt::format("{}\n", fmt::join(ports, "\n"))));
  }
  NWF_CHECK(store_.put(Shelf::NetworksChanging, name, xml::write_network(*up)));
  NWF_CHECK(store_.remove(Shelf::NetworksUp, name));
  NWF_CHECK(lower(*up));
  (void)store_.remove(Shelf::NetworksChanging, name);  // else the next reconcile does
  stopped.active = false;
  stopped.degraded.clear();
  return stopped;
}

Result<void> Networks::change(const Network& before, const Network& after, store::Prepared& documents) {
  NWF_CHECK(open());
  NWF_CHECK(store_.remove(Shelf::State, kShaping));  // it may shape the table otherwise
  const auto bring = [&](const Network& network) -> Result<void> {
    const auto rules = [&]() -> Result<void> {
      NWF_TRY(const auto up, up_with(network, network.name));
      return bring_rules(up);
    };
    NWF_CHECK(raise(network, rules));
    return tell_others(network);
  };
  auto raised = bring(after);
  if (raised) raised = documents.commit();
  if (raised) return {};
  Error error = std::move(raised).error();
  if (const auto back = bring(before); !back)
    error.message += fmt::format("; and it could not be brought back: {}", nwf::describe(back.error()));
  return fail(std::move(error));
}

Result<NetworkChanged> Networks::net_update(const std::string& name_or_uuid, const NetworkUpdate& what,
                                            const std::string& part, const std::string& file) {
  NWF_TRY(const Network piece, xml::read_section(what.section, what.command, part, file));
  NWF_TRY(const auto lock, take_lock(store_));
  NWF_TRY(const std::string name, resolve(name_or_uuid));
  NWF_TRY(const auto up, read(Shelf::NetworksUp, name));
  NWF_TRY(const auto defined, read(Shelf::Networks, name));
  // Both are worked out before either is changed.
  const auto changed = [&](const Network& from) -> Result<Network> {
    Network to = from;
    NWF_CHECK(nwf::update(to, what.command, what.section, piece, what.parent));
    // What the whole has to be is the reader's knowledge.
    NWF_TRY(auto read_back, xml::read_network(xml::write_network(to), file));
    return std::move(read_back.value);
  };
  NetworkChanged done;
  std::optional<Network> new_up, new_defined;
  if (up && what.live) {
    NWF_TRY(new_up, changed(*up));
    NWF_TRY(done.warnings, check_realisable(*new_up));
  }
  if (defined && what.config) {
    NWF_TRY(new_defined, changed(*defined));
  }
  if (!new_up && !new_defined)
    return fail(ErrorKind::Refused, fmt::format("network '{}' is {}", name, up ? "not defined" : "not active"));
  // What is up and what is defined change together, so that a crash leaves both as they were or both as they are to be.
  std::vector<store::ShelvedDocument> documents;
  if (new_up) documents.push_back({Shelf::NetworksUp, name, xml::write_network(*new_up)});
  if (new_defined) documents.push_back({Shelf::Networks, name, xml::write_network(*new_defined)});
  NWF_TRY(const auto prepared, store_.prepare_all(documents));
  if (new_up)
    NWF_CHECK(change(*up, *new_up, *prepared));
  else
    NWF_CHECK(prepared->commit());
  NWF_TRY(done.network, summary(name));
  return done;
}

Result<NetworkChanged> Networks::net_restart(const std::string& name_or_uuid) {
  NWF_TRY(const auto lock, take_lock(store_));
  NWF_TRY(const std::string name, resolve(name_or_uuid));
  NWF_TRY(const auto up, read(Shelf::NetworksUp, name));
  if (!up) return fail(ErrorKind::Refused, fmt::format("network '{}' is not active", name));
  NWF_TRY(const Network network, require_defined(name));
  NetworkChanged done;
  NWF_TRY(done.warnings, check_realisable(network));
  NWF_CHECK(open());
  if (network.bridge.name != up->bridge.name || network.mac != up->mac ||
      has_own_bridge(network.mode()) != has_own_bridge(up->mode()))
    return fail(
        ErrorKind::Refused,
        fmt::format("network '{}' has another bridge in its definition, so it cannot keep the one it has", name),
        fmt::format("`nwfctl net stop {0}`, then `nwfctl net start {0}`", name));
  if (has_own_bridge(network.mode())) NWF_CHECK(links_->check_room(network));
  if (network.proxy_arp != up->proxy_arp)
    return fail(
        ErrorKind::Refused,
        fmt::format("network '{}' has another <nwf:proxy-arp> in its definition: its addresses have to be given "
                    "anew",
                    name),
        fmt::format("`nwfctl net stop {0}`, then `nwfctl net start {0}`", name));
  if (network.bridge.zone != up->bridge.zone || network.cooperates != up->cooperates) NWF_CHECK(others_.check(network));
  NWF_TRY(const auto prepared, store_.prepare(Shelf::NetworksUp, name, xml::write_network(network)));
  NWF_CHECK(change(*up, network, *prepared));
  NWF_TRY(done.network, summary(name));
  return done;
}

Result<NetworkSummary> Networks::net_autostart(const std::string& name_or_uuid, bool on) {
  NWF_TRY(const auto lock, take_lock(store_));
  NWF_TRY(const std::string name, resolve(name_or_uuid));
  NWF_CHECK(require_defined(name));
  if (on)
    NWF_CHECK(store_.put(Shelf::Autostart, name, ""));
  else
    NWF_CHECK(store_.remove(Shelf::Autostart, name));
  return summary(name);
}

Result<std::string> Networks::net_dumpxml(const std::string& name_or_uuid, bool defined) {
  NWF_TRY(const std::string name, resolve(name_or_uuid));
  if (!defined) {
    NWF_TRY(const auto up, read(Shelf::NetworksUp, name));
    if (up) return xml::write_network(*up);
  }
  NWF_TRY(const Network network, require_defined(name));
  return xml::write_network(network);
}

Result<NetworkSummary> Networks::net_info(const std::string& name_or_uuid) {
  NWF_TRY(const std::string name, resolve(name_or_uuid));
  return summary(name);
}

Result<std::vector<NetworkSummary>> Networks::net_list() {
  NWF_TRY(auto names, store_.list(Shelf::Networks));
  NWF_TRY(const auto up, store_.list(Shelf::NetworksUp));
  names.insert(names.end(), up.begin(), up.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<NetworkSummary> list;
  for (const std::string& name : names) {
    NWF_TRY(auto one, summary(name));
    list.push_back(std::move(one));
  }
  return list;
}

Result<std::vector<Lease>> Networks::net_leases(const std::string& name_or_uuid) {
  NWF_TRY(const std::string name, resolve(name_or_uuid));
  NWF_TRY(auto network, read(Shelf::NetworksUp, name));
  if (!network) {
    NWF_TRY(network, read(Shelf::Networks, name));
  }
  NWF_TRY(auto leases, Dnsmasq(root_, name).leases());
  for (Lease& lease : leases)
    for (const NetworkIp& ip : network->ips)
      if (ip.subnet().contains(lease.ip)) lease.prefix = ip.prefix;
  return leases;
}

Result<std::size_t> Networks::reconcile() {
  NWF_TRY(const auto changing, store_.list(Shelf::NetworksChanging));
  NWF_TRY(auto names, store_.list(Shelf::NetworksUp));
  NWF_TRY(const auto wanted, store_.list(Shelf::Autostart));
  if (changing.empty() && names.empty() && wanted.empty()) {
    // Networks that are gone may have left rules where somebody removed the files by hand.
    NWF_CHECK(open());
    NWF_CHECK(others_.tell({}));
    return bring_to({});
  }
  NWF_CHECK(open());
  FirstFailure failure;
  for (const std::string& name : changing) {
    NWF_TRY(const auto network, read(Shelf::NetworksChanging, name));
    const bool is_up = std::find(names.begin(), names.end(), name) != names.end();
    if (!is_up && network) {
      auto lowered = lower(*network);
      if (!lowered) {
        failure(std::move(lowered));
        continue;
      }
    }
    NWF_CHECK(store_.remove(Shelf::NetworksChanging, name));
  }
  NWF_TRY(const auto up, up_with(std::nullopt, {}));
  NWF_TRY(const std::size_t changes, bring_to(up));
  for (const Network& network : up) failure(raise(network, [] { return Result<void>{}; }));
  if (const auto told = others_.tell(up); !told) failure(fail(told.error()));
  NWF_TRY(const auto started, store_.get(Shelf::State, kAutostarted));
  if (!started) {
    for (const std::string& name : wanted) {
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      const auto network = read(Shelf::Networks, name);
      if (network && *network) failure(start(**network));
    }
    NWF_CHECK(store_.put(Shelf::State, kAutostarted, ""));
  }
  NWF_CHECK(failure.take());
  return changes;
}

Result<Networks::Serving> Networks::serving() {
  NWF_TRY(const auto up, read_all(Shelf::NetworksUp));
  Serving serving;
  serving.bridges.reserve(up.size());
  for (const Network& network : up) {
    serving.bridges.push_back(network.bridge.name);
    if (!network.proxy_arp.empty()) serving.leases.push_back(Dnsmasq(root_, network.name).leases_file());
    serving.others |= tells_others(network);
    if (!needs_dnsmasq(network)) continue;
    store::Descriptor process = Dnsmasq(root_, network.name).process();
    if (process) serving.servers.push_back({network.name, std::move(process)});
  }
  return serving;
}

Result<std::size_t> Networks::net_reconcile() {
  NWF_TRY(const auto lock, take_lock(store_));
  return reconcile();
}

Result<std::vector<std::string>> Networks::net_differences() {
  std::vector<std::string> words;
  NWF_TRY(const auto changing, store_.list(Shelf::NetworksChanging));
  words.reserve(changing.size());
  for (const std::string& name : changing)
    words.push_back(fmt::format("network {} is half started or half stopped", name));
  NWF_TRY(const auto up, read_all(Shelf::NetworksUp));
  NWF_CHECK(open());
  NWF_TRY(const Held held, table_->read());
  NWF_TRY(const bool legacy, legacy_.in_force());
  const Ruleset wanted = legacy ? Ruleset{} : network_rules(up);
  for (std::string& word : nwf::describe(diff(held.ruleset, wanted), kNetworksTableName))
    words.push_back(std::move(word));
  if (legacy) {
    NWF_TRY(const auto more, legacy_.differences(up));
    words.insert(words.end(), more.begin(), more.end());
  }
  for (const Network& network : up) {
    if (has_own_bridge(network.mode())) {
      NWF_TRY(const bool there, links_->has_bridge(plan_links(network).bridge));
      if (!there) words.push_back(fmt::format("network {} has lost its bridge {}", network.name, network.bridge.name));
    }
    NWF_TRY(const auto guests, proxied(network));
    NWF_TRY(const auto unanswered, proxies_.differences(network, guests));
    words.insert(words.end(), unanswered.begin(), unanswered.end());
    NWF_TRY(const NetworkSummary state, summary(network.name));
    if (!state.degraded.empty()) words.push_back(fmt::format("network {}: {}", network.name, state.degraded));
  }
  NWF_TRY(const auto others, others_.differences(up));
  words.insert(words.end(), others.begin(), others.end());
  return words;
}

}  // namespace nwf::host
