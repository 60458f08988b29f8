// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/links.h"

#include <net/if.h>

namespace nwf::netlink {

bool link_exists(const PortName& port) { return if_nametoindex(port.text().c_str()) != 0; }

}  // namespace nwf::netlink
