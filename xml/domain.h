// SPDX-License-Identifier: GPL-2.0-or-later
// A guest's <domain>, as libvirt gives it to its hooks, → its bindings.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/binding.h"
#include "xml/parsed.h"

namespace nwf::xml {

/// What of a guest concerns a firewall.
struct Domain {
  Owner guest;                    ///< its name and UUID; both are given
  std::vector<Binding> bindings;  ///< one for each interface with a filter, in the order of the text
  std::vector<PortName> open;     ///< ports of interfaces without one
};

/// The filter that a network gives to its ports that name none: the network is the one of this bridge, the port group
/// may be empty.
using NetworkFilter = std::function<std::optional<FilterRef>(const std::string& bridge, const std::string& port_group)>;

/// Reads a <domain>, or the <domstatus> that libvirt keeps of a running guest below its run directory, which holds one.
/// Each interface with a <filterref> needs its <target dev>, <mac> and what read_interface() wants; of everything else
/// only well-formedness is asked. All mistakes at once. An interface without one, whose <source> names a bridge, as
/// libvirt writes it for a running guest in a virtual network, too, and which has a port, may get one from `networks`.
Result<Parsed<Domain>> read_domain(std::string_view text, const std::string& file, const NetworkFilter& networks = {});

/// The UUID of a <domain>, and nothing else of it: a guest that has ended may name no port at all.
Result<std::string> read_domain_uuid(std::string_view text, const std::string& file);

/// The port of a network, as libvirt's network hook gets it in <hookData>.
struct NetworkPort {
  Owner guest;
  Mac mac;
};

/// Reads the <networkport> of a <hookData>. Errors: NotFound when it holds none, as for the network's own events.
Result<NetworkPort> read_network_port(std::string_view text, const std::string& file);

}  // namespace nwf::xml
