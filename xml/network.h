// SPDX-License-Identifier: GPL-2.0-or-later
// libvirt's <network>, with nwf's own elements in the namespace kNwfNamespace.
#pragma once

#include <string>
#include <string_view>

#include "engine/model/network.h"
#include "engine/network/update.h"
#include "xml/parsed.h"

namespace nwf::xml {

/// Errors: all mistakes at once, each with its place. What libvirt refuses when it defines is refused here, too.
Result<Parsed<Network>> read_network(std::string_view text, const std::string& file);

/// The element that `net update` is given for a section, as a network that holds nothing else.
Result<Network> read_section(UpdateSection section, UpdateCommand command, std::string_view text,
                             const std::string& file);

/// As dumpxml prints it; read again, it is the same network.
std::string write_network(const Network& network);

}  // namespace nwf::xml
