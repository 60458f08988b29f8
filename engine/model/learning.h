// SPDX-License-Identifier: GPL-2.0-or-later
// Which variables of a port may be learned, and how the port's binding wants it done.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "engine/error.h"
#include "engine/model/filter.h"

namespace nwf {

/// How a port learns the addresses that its filter needs and nobody gives.
enum class Learning : std::uint8_t {
  Any,   ///< the first address that the guest uses
  Dhcp,  ///< only addresses that servers gave it
  None,  ///< not at all: an address that nobody gives is an error
};
std::string_view learning_name(Learning learning);
std::optional<Learning> parse_learning(std::string_view text);

/// The binding's variable that says it (libvirt's name), and the one that names the servers to be trusted.
inline constexpr std::string_view kLearningVariable = "CTRL_IP_LEARNING";
inline constexpr std::string_view kServerVariable = "DHCPSERVER";

/// Variables that can be learned: own IPv4 addresses, own IPv6 addresses, and the addresses of IPv6 prefixes that a
/// server delegated to the guest.
inline constexpr std::array<std::string_view, 3> kLearnedVariables = {"IP", "IPV6", "IPV6_PREFIX"};
bool can_be_learned(std::string_view variable);

/// What `variables` say, else `by_default`. libvirt takes the value in any case of letters. Errors: Invalid.
Result<Learning> learning_of(const Variables& variables, Learning by_default);

}  // namespace nwf
