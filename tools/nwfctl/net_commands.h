// SPDX-License-Identifier: GPL-2.0-or-later
// The verbs of virtual networks, for the table of commands.
#pragma once

#include "tools/nwfctl/commands.h"

namespace nwf::tools {

Outcome net_define(host::Service& service, const Arguments& arguments, Terminal& terminal);
Outcome net_undefine(host::Service& service, const Arguments& arguments, Terminal& terminal);
Outcome net_start(host::Service& service, const Arguments& arguments, Terminal& terminal);
Outcome net_stop(host::Service& service, const Arguments& arguments, Terminal& terminal);
Outcome net_restart(host::Service& service, const Arguments& arguments, Terminal& terminal);
Outcome net_update(host::Service& service, const Arguments& arguments, Terminal& terminal);
Outcome net_autostart(host::Service& service, const Arguments& arguments, Terminal& terminal);
Outcome net_dumpxml(host::Service& service, const Arguments& arguments, Terminal& terminal);
Outcome net_edit(host::Service& service, const Arguments& arguments, Terminal& terminal);
Outcome net_list(host::Service& service, const Arguments& arguments, Terminal& terminal);
Outcome net_info(host::Service& service, const Arguments& arguments, Terminal& terminal);
Outcome net_leases(host::Service& service, const Arguments& arguments, Terminal& terminal);

}  // namespace nwf::tools
