// SPDX-License-Identifier: GPL-2.0-or-later
// Attributes as the values they stand for; what is wrong with one goes to the mistakes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/model/ip.h"
#include "xml/document.h"
#include "xml/mistakes.h"

namespace nwf::xml {

/// The attribute, or nullptr and a mistake with this remedy.
const std::string* required(const Element& element, std::string_view name, std::string_view remedy, Mistakes& mistakes);
/// Nothing when the attribute is not there, or wrong.
std::optional<bool> yes_no(const Element& element, std::string_view name, Mistakes& mistakes);
std::optional<bool> on_off(const Element& element, std::string_view name, Mistakes& mistakes);
std::optional<std::uint64_t> number(const Element& element, std::string_view name, std::uint64_t least,
                                    std::uint64_t most, Mistakes& mistakes);
/// Bits of a packet's mark, at least one: 0x4000, or decimal.
std::optional<std::uint32_t> mark(const Element& element, std::string_view name, Mistakes& mistakes);
std::optional<IpAddress> ip_address(const Element& element, std::string_view name, Mistakes& mistakes);
std::optional<PortName> interface_name(const Element& element, std::string_view name, Mistakes& mistakes);
/// `netmask` or `prefix` of the element, for addresses of this family. Both is a mistake; none is nothing.
std::optional<unsigned> prefix_length(const Element& element, bool ipv6, Mistakes& mistakes);
/// True, and a mistake, when the text has a control character: it would start a line of its own in another file.
bool has_control_character(const Element& element, std::string_view what, std::string_view text, Mistakes& mistakes);

}  // namespace nwf::xml
