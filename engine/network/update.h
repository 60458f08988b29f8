// SPDX-License-Identifier: GPL-2.0-or-later
// A change of one part of a network, as `net update` asks for it.
#pragma once

#include <optional>
#include <string_view>

#include "engine/error.h"
#include "engine/model/network.h"

namespace nwf {

enum class UpdateCommand : std::uint8_t { AddFirst, AddLast, Delete, Modify };
enum class UpdateSection : std::uint8_t {
  IpDhcpHost,
  IpDhcpRange,
  DnsHost,
  DnsTxt,
  DnsSrv,
  ForwardInterface,
  PortGroup,
  PortForward,
};
/// virsh's words: `add` is add-last.
std::optional<UpdateCommand> update_command_from(std::string_view word);
std::optional<UpdateSection> update_section_from(std::string_view word);

/// Makes the change. `part` is a network that holds only the element. Adding what is there, or changing or deleting
/// what is not, is Refused. An <ip> is the one that the address is in, or the `parent`th of the network's.
Result<void> update(Network& network, UpdateCommand command, UpdateSection section, const Network& part,
                    std::optional<std::size_t> parent);

}  // namespace nwf
