// SPDX-License-Identifier: GPL-2.0-or-later
// Identities that a definition leaves to us.
#pragma once

#include "engine/model/address.h"

namespace nwf::host {

/// RFC 4122 §4.4, version 4.
Uuid random_uuid();
/// Of the range that QEMU and libvirt use, 52:54:00.
Mac random_mac();

}  // namespace nwf::host
