// SPDX-License-Identifier: GPL-2.0-or-later
// From a port to its program: the base chains, and what a binding puts into their sets and maps.
//
//     bridge prerouting -300   guest-out.ethernet
//            (none)            guest-out.dropped, guest-in.dropped (drops.h)
//     bridge prerouting    1   guest-out.inet       after br_netfilter's conntrack
//     bridge forward     -10   guest-in.inet        bridged packets only
//     bridge forward      10   reject-fallback      what nobody rejected is dropped
//     bridge postrouting 300   guest-in.ethernet
//     inet   prerouting -150   connection-state     (state.h)
//     inet   forward, input -1 reject, reject-input
//     inet   forward, input -2 connection-limit, connection-limit-input
//
// Ethernet-layer priorities are ebtables' own for its nat table (linux/netfilter_bridge.h: NF_BR_PRI_NAT_DST_BRIDGED,
// NF_BR_PRI_NAT_SRC), so that the host's other chains see packets as they do beside libvirt.
//
// A port finds its program in one of two ways. A few programs are common: each has a set of the ports that run it
// and a rule, `iifname @ports.clean-traffic goto clean-traffic.eth-out`. The ports of all others are in one verdict map
// for each flow. Both are one lookup to a packet, but the kernel checks the whole of a map whenever an element that
// goes to a chain is added (nf_tables: NFT_VALIDATE_NEED), which a set of names is spared: a bind to a common
// program costs the same at 1 and at 5,000 ports, one through a map some 80 ns more for each port in it.

#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ruleset/lower.h"

namespace nwf {

/// Most programs that are common. Each is one more lookup for the packets of every port that is none of its own.
constexpr std::size_t kMaxCommonPrograms = 4;

/// How the sets of ports begin that only wait for an address: lower()'s name for a filter `nwf/…`.
constexpr std::string_view kWaitingPorts = "ports.nwf_";

/// What all installed programs together ask of the frame.
struct FrameNeeds {
  std::set<Need> needs;
  std::set<MarkedLimit> limits;
  std::map<std::string, FlowEntries> common;  ///< by the name of the set of ports
  std::array<bool, kFlowCount> mapped{};      ///< flows into which some ports come by the verdict map
  bool empty() const;
  /// Asks for everything that a program needs.
  void add(const LoweredProgram& lowered, bool is_common);
  /// Asks for what a program's ports need to find it.
  void add_dispatch(const std::string& ports_set, const FlowEntries& entry, bool is_common);
  /// Asks for all that `other` asks for.
  void add(const FrameNeeds& other);
  /// Asks for what closed ports need.
  void add_closed();
  friend bool operator==(const FrameNeeds&, const FrameNeeds&) = default;
};

/// Base chains, maps and helper chains, without any program or its set of ports. Empty needs give an empty ruleset.
/// Errors: Unsupported when two connection limits share an id.
Result<Ruleset> frame(const FrameNeeds& needs, const Capabilities& capabilities, const LowerOptions& options);

/// The verdict map of a flow.
Set dispatch_map(std::size_t flow);
/// The set of ports that run a common program.
Set ports_set(const std::string& name);

/// Elements by set, with the set's definition: all in the bridge table.
struct PortElements {
  struct Entry {
    Set set;
    std::vector<Element> elements;
  };
  std::vector<Entry> entries;  ///< value sets first: a port is dispatched once its values are there
};

/// What `port` with `variables` has in the kernel when it runs `program`.
Result<PortElements> port_elements(const LoweredProgram& lowered, const std::vector<ValueSet>& sets, bool is_common,
                                   const PortName& port, const Variables& variables);
/// What a port has that must have no traffic: a drop in each direction of the ethernet layer.
PortElements closed_elements(const PortName& port);

/// Adds a program's chains and sets to a ruleset, with its set of ports when it is common.
void add_program(const LoweredProgram& lowered, bool is_common, Ruleset& ruleset);
/// Adds a port's elements to a ruleset.
void add_elements(const PortElements& elements, Ruleset& ruleset);

}  // namespace nwf
