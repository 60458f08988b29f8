// SPDX-License-Identifier: GPL-2.0-or-later
// Rules of a program → rules of the legacy kind, for one port.
//
// A program tests bytes of a packet; the legacy tables have matches with named fields, as libvirt's own drivers use
// them. A program owes its tests to what those matches do, so each test has its place in one of them, and what has none
// is refused by name.
#pragma once

#include "engine/legacy/rule.h"
#include "engine/program/program.h"

namespace nwf::legacy {

/// The tests of a rule with the port's own values in place of its sets: one list for each combination of values.
Result<std::vector<std::vector<Test>>> with_values(const ProgramRule& rule, const PortName& port,
                                                   const Variables& variables);
/// True when the rule's tests name values of a port, or count for each port by itself.
bool is_of_port(const ProgramRule& rule);

/// A rule of the inet layer; several where a program's one test is an "or" to xtables. The target is left empty.
Result<std::vector<IpRule>> ip_rules(const ProgramRule& rule, bool ipv6, const PortName& port,
                                     const Variables& variables);

/// A rule of the ethernet layer. The target is left empty.
Result<std::vector<EthernetRule>> ethernet_rules(const ProgramRule& rule, const PortName& port,
                                                 const Variables& variables);
/// What the jump to a chain tests. Only for guards that chains have: a frame's type, or the bridge group address.
EthernetRule guard_rule(const test::Compare& guard);

}  // namespace nwf::legacy
