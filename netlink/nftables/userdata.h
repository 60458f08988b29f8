// SPDX-License-Identifier: GPL-2.0-or-later
// Comments in the userdata of tables, chains, rules and sets, as the distribution's nft writes and shows them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace nwf::netlink {

/// One attribute of this type with the comment and its final zero; empty for an empty comment.
std::vector<std::uint8_t> comment_userdata(std::uint8_t type, const std::string& comment);
/// An attribute with a number in host byte order.
std::vector<std::uint8_t> number_userdata(std::uint8_t type, std::uint32_t number);
/// The first attribute of this type as text; empty when there is none. Any bytes at all may be given: another
/// program may have written them.
std::string comment_in(std::span<const std::uint8_t> userdata, std::uint8_t type);

}  // namespace nwf::netlink
