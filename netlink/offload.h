// SPDX-License-Identifier: GPL-2.0-or-later
// Whether checksums of what the host sends are finished before a packet leaves an interface.
#pragma once

#include <string>

#include "engine/error.h"

namespace nwf::netlink {

/// Has the host finish the checksums of its own packets that leave by this interface. Otherwise a guest that looks at
/// them (some DHCP clients read the raw frame) sees packets whose checksum was left to a card that is not there.
Result<void> finish_checksums(const std::string& interface);

}  // namespace nwf::netlink
