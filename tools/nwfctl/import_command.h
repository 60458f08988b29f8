// SPDX-License-Identifier: GPL-2.0-or-later
// nwfctl import: moving in from a libvirt host, and back.
#pragma once

#include "tools/nwfctl/commands.h"

namespace nwf::tools {

Outcome import(host::Service& service, const Arguments& arguments, Terminal& terminal);

}  // namespace nwf::tools
