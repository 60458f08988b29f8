// SPDX-License-Identifier: GPL-2.0-or-later
// A port and the program it runs → its rules in the legacy tables, in libvirt's layout.
//
//     filter  INPUT       -j libvirt-host-in      -m physdev --physdev-in vnet0 -g HI-vnet0
//     filter  FORWARD     -j libvirt-in           -m physdev --physdev-in vnet0 -g FI-vnet0
//                         -j libvirt-out          -m physdev --physdev-out vnet0 --physdev-is-bridged -g FO-vnet0
//                         -j libvirt-in-post      -m physdev --physdev-in vnet0 -j ACCEPT
//     nat     PREROUTING  -i vnet0 -j libvirt-I-vnet0     -p IPv4 -j I-vnet0-ipv4     (ebtables)
//             POSTROUTING -o vnet0 -j libvirt-O-vnet0
//
// (--physdev-is-bridged in libvirt-in-post, too: libvirt accepts there what is routed, and so lets a guest that has
// rules leave an isolated network.)
//
// libvirt writes all rules again for each port. Here rules that name nothing of a port are in chains that several ports
// lead to, where that changes no verdict; `classic` writes them as libvirt does.
#pragma once

#include "engine/legacy/tables.h"
#include "engine/program/program.h"

namespace nwf::legacy {

struct Layout {
  bool classic = false;  ///< each port's rules in its own chains, as libvirt has them
  bool ethernet = true;  ///< the ethernet layer too: the kernel has ebtables' tables
};

/// `program` before any pass of the optimiser. Errors: Unsupported for a test that the legacy tables have no match for,
/// naming the rule; those of elements_of().
Result<Tables> port_tables(const Program& program, const PortName& port, const Variables& variables,
                           const Layout& layout);

/// The inet layer of a port that goes from one program to another whose ethernet layers differ, too: `to`, with what
/// `before` drops dropped in front of it. The two layers are in tables that change one after the other; with this in
/// force meanwhile no packet is judged by one layer of each alone. `from` and `to` are what port_tables() makes of
/// both.
Result<std::map<TableId, IpTable>> both_inet_layers(const Tables& from, const Tables& to, const Program& before,
                                                    const PortName& port, const Variables& variables);

/// A port that must have no traffic: a drop in each direction of the ethernet layer or, where that is not here, of the
/// inet layer.
Tables closed_port(const PortName& port, const Layout& layout);

}  // namespace nwf::legacy
