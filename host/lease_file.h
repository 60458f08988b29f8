// SPDX-License-Identifier: GPL-2.0-or-later
// What is believed of a port's addresses, as the text of a file.
#pragma once

#include <optional>
#include <string>

#include "engine/model/address.h"
#include "host/clocks.h"
#include "learn/belief.h"

namespace nwf::host {

/// Beliefs about the guest with this MAC address: another guest on the port has nothing of them.
struct LeaseFile {
  Mac mac;
  learn::Beliefs beliefs;
};

std::string to_text(const LeaseFile& leases, const Clocks& now);
/// Nothing when the text is not one of ours; at most learn::kMaxBeliefs are read. What has ended is still in it: it is
/// believed until somebody says learn::event::Elapsed.
std::optional<LeaseFile> leases_from_text(const std::string& text, const Clocks& now);

}  // namespace nwf::host
