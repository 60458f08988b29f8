// SPDX-License-Identifier: GPL-2.0-or-later
// From a port to its program: the base chains, the verdict maps keyed by port name, and what a binding puts in them.
//
//     bridge prerouting -300   guest-out.ethernet   iifname vmap @port.eth-out
//     bridge prerouting    1   guest-out.inet       iifname vmap @port.inet-out    after br_netfilter's conntrack
//     bridge forward     -10   guest-in.inet        oifname vmap @port.inet-in     bridged packets only
//     bridge forward      10   reject-fallback      what nobody rejected is dropped
//     bridge postrouting 300   guest-in.ethernet    oifname vmap @port.eth-in
//     inet   prerouting -150   connection-state     (state.h)
//     inet   forward, input -1 reject, reject-input
//     inet   forward, input -2 connection-limit, connection-limit-input
//
// Ethernet-layer priorities are ebtables' own for its nat table (linux/netfilter_bridge.h: NF_BR_PRI_NAT_DST_BRIDGED,
// NF_BR_PRI_NAT_SRC), so that the host's other chains see packets as they do beside libvirt.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/ruleset/lower.h"

namespace nwf {

/// What all installed programs together ask of the frame.
struct FrameNeeds {
  std::set<Need> needs;
  std::set<MarkedLimit> limits;
  void add(const LoweredProgram& program);
  bool empty() const { return needs.empty() && limits.empty(); }
  friend bool operator==(const FrameNeeds&, const FrameNeeds&) = default;
};

/// Base chains, maps and helper chains, without any program. Empty needs give an empty ruleset.
/// Errors: Unsupported when two connection limits share an id.
Result<Ruleset> frame(const FrameNeeds& needs, const Capabilities& capabilities, const LowerOptions& options);

/// The verdict map of a flow.
Set dispatch_map(std::size_t flow);

/// Elements by set, with the set's definition: all in the bridge table.
struct PortElements {
  struct Entry {
    Set set;
    std::vector<Element> elements;
  };
  std::vector<Entry> entries;  ///< value sets first: a port is dispatched once its values are there
};

/// What `port` with `variables` has in the kernel when it runs `program`.
Result<PortElements> port_elements(const LoweredProgram& lowered, const std::vector<ValueSet>& sets, const PortName& port,
                                   const Variables& variables);
/// What a port has that must have no traffic: a drop in each direction of the ethernet layer.
PortElements closed_elements(const PortName& port);

/// Adds a program's chains and sets to a ruleset.
void add_program(const LoweredProgram& lowered, Ruleset& ruleset);
/// Adds a port's elements to a ruleset.
void add_elements(const PortElements& elements, Ruleset& ruleset);

}  // namespace nwf
