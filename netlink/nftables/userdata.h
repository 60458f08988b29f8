// SPDX-License-Identifier: GPL-2.0-or-later
// Userdata of tables, chains, rules and sets, as the distribution's nft writes and shows it: comments, and of which
// expressions a set's key has its types.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/ruleset/ruleset.h"

namespace nwf::netlink {

/// One attribute of this type with the comment and its final zero; empty for an empty comment.
std::vector<std::uint8_t> comment_userdata(std::uint8_t type, const std::string& comment);
/// An attribute with a number in host byte order.
std::vector<std::uint8_t> number_userdata(std::uint8_t type, std::uint32_t number);
/// The first attribute of this type as text; empty when there is none. Any bytes at all may be given: another
/// program may have written them.
std::string comment_in(std::span<const std::uint8_t> userdata, std::uint8_t type);

/// Tells nft the types of a key's parts by expressions that have them (`typeof`), for a concatenation with a part that
/// is a bare number of some width: the key's type alone does not say its width. Empty for other keys.
std::vector<std::uint8_t> typeof_userdata(const std::vector<KeyPart>& key);
/// The widths of the bare numbers in a key that typeof_userdata() wrote, in their order; empty when it did not. Any
/// bytes at all may be given.
std::vector<std::size_t> number_widths_in(std::span<const std::uint8_t> userdata);

}  // namespace nwf::netlink
