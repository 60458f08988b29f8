// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/net_commands.h"

#include <algorithm>

#include "tools/nwfctl/edit.h"
#include "tools/nwfctl/input.h"

namespace nwf::tools {
namespace {

using host::NetworkService;
using host::Service;

// What `call` makes of the service's networks, as a value.
template <class Call, class Make>
Outcome on_networks(Service& service, Call call, Make make) {
  auto networks = service.networks();
  if (!networks) return fail(std::move(networks).error());
  auto result = call(**networks);
  if (!result) return fail(std::move(result).error());
  return Value(make(*std::move(result)));
}

NetworkDone done(std::string_view what, host::NetworkSummary network) {
  return {std::string(what), std::move(network), {}};
}

}  // namespace

Outcome net_define(Service& service, const Arguments& arguments, Terminal& terminal) {
  const auto define = [&](NetworkService& networks) -> Result<host::NetworkDefined> {
    NWF_TRY(const std::string text, read_input(arguments.name, terminal.in));
    return networks.net_define(text, arguments.name);
  };
  return on_networks(service, define, [&](host::NetworkDefined result) {
    return NetworkDefined{arguments.name, std::move(result)};
  });
}

Outcome net_undefine(Service& service, const Arguments& arguments, Terminal&) {
  return on_networks(
      service, [&](NetworkService& networks) { return networks.net_undefine(arguments.name); },
      [](host::NetworkSummary network) { return done("undefined", std::move(network)); });
}

Outcome net_start(Service& service, const Arguments& arguments, Terminal&) {
  return on_networks(
      service, [&](NetworkService& networks) { return networks.net_start(arguments.name); },
      [](host::NetworkChanged result) {
        return NetworkDone{"started", std::move(result.network), std::move(result.warnings)};
      });
}

Outcome net_stop(Service& service, const Arguments& arguments, Terminal&) {
  return on_networks(
      service, [&](NetworkService& networks) { return networks.net_stop(arguments.name); },
      [](host::NetworkSummary network) { return done("stopped", std::move(network)); });
}

Outcome net_restart(Service& service, const Arguments& arguments, Terminal&) {
  return on_networks(
      service, [&](NetworkService& networks) { return networks.net_restart(arguments.name); },
      [](host::NetworkChanged result) {
        return NetworkDone{"restarted", std::move(result.network), std::move(result.warnings)};
      });
}

Outcome net_update(Service& service, const Arguments& arguments, Terminal& terminal) {
  const auto change = [&](NetworkService& networks) -> Result<host::NetworkChanged> {
    const std::string& file = arguments.assignments[2];
    const auto command = update_command_from(arguments.assignments[0]);
    const auto section = update_section_from(arguments.assignments[1]);
    if (!command)
      return fail(ErrorKind::Invalid, "there is no update command '" + arguments.assignments[0] + "'",
                  "one of: add, add-first, add-last, delete, modify");
    if (!section)
      return fail(ErrorKind::Invalid, "section '" + arguments.assignments[1] + "' cannot be updated",
                  "one of: ip-dhcp-host, ip-dhcp-range, dns-host, dns-txt, dns-srv, forward-interface, portgroup, "
                  "port-forward; else define and restart");
    host::NetworkUpdate what{*command, *section, {}};
    if (arguments.parent >= 0) what.parent = static_cast<std::size_t>(arguments.parent);
    // As in virsh, saying neither (or both) means both here; libvirt's own default forgets half of it.
    if (arguments.has("--live") != arguments.has("--config")) {
      what.live = arguments.has("--live");
      what.config = arguments.has("--config");
    }
    // XML itself may stand in the place of a file, as virsh takes it.
    if (file.starts_with('<')) return networks.net_update(arguments.name, what, file, "XML");
    NWF_TRY(const std::string text, read_input(file, terminal.in));
    return networks.net_update(arguments.name, what, text, file);
  };
  return on_networks(service, change, [](host::NetworkChanged result) {
    return NetworkDone{"updated", std::move(result.network), std::move(result.warnings)};
  });
}

Outcome net_autostart(Service& service, const Arguments& arguments, Terminal&) {
  const bool on = !arguments.has("--disable");
  return on_networks(
      service, [&](NetworkService& networks) { return networks.net_autostart(arguments.name, on); },
      [&](host::NetworkSummary network) {
        return done(on ? "marked as autostarted" : "unmarked as autostarted", std::move(network));
      });
}

Outcome net_dumpxml(Service& service, const Arguments& arguments, Terminal&) {
  return on_networks(
      service,
      [&](NetworkService& networks) { return networks.net_dumpxml(arguments.name, arguments.has("--inactive")); },
      [](std::string xml) { return XmlText{std::move(xml)}; });
}

Outcome net_edit(Service& service, const Arguments& arguments, Terminal& terminal) {
  auto edited = edit_network(service, arguments.name, terminal);
  if (!edited) return fail(std::move(edited).error());
  return Value(*std::move(edited));
}

Outcome net_list(Service& service, const Arguments&, Terminal&) {
  return on_networks(
      service, [](NetworkService& networks) { return networks.net_list(); },
      [](std::vector<host::NetworkSummary> networks) { return NetworkList{std::move(networks)}; });
}

Outcome net_info(Service& service, const Arguments& arguments, Terminal&) {
  return on_networks(
      service, [&](NetworkService& networks) { return networks.net_info(arguments.name); },
      [](host::NetworkSummary network) { return network; });
}

Outcome net_leases(Service& service, const Arguments& arguments, Terminal&) {
  return on_networks(
      service, [&](NetworkService& networks) { return networks.net_leases(arguments.name); },
      [](std::vector<Lease> leases) { return LeaseList{std::move(leases)}; });
}

}  // namespace nwf::tools
