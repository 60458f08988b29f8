// SPDX-License-Identifier: GPL-2.0-or-later
// What guards one port, read from the kernel's ruleset.
#pragma once

#include "engine/legacy/tables.h"
#include "engine/model/binding.h"
#include "host/programs.h"
#include "host/service.h"

namespace nwf::host {

/// The rules of the port's program as `held` has them, in the order packets meet them, and the port's own values.
PortRules port_rules(const Binding& binding, const Compiled& compiled, const Ruleset& held);

/// Adds what the port has in the legacy tables, `tables` being its own.
void add_legacy_rules(const legacy::Tables& tables, PortRules& to);

}  // namespace nwf::host
