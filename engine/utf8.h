// SPDX-License-Identifier: GPL-2.0-or-later
// Shortening text without cutting a character.
#pragma once

#include <string>
#include <string_view>

namespace nwf {

/// The longest start of `text` of at most `bytes` bytes that does not end inside a UTF-8 character (RFC 3629).
std::string_view utf8_start(std::string_view text, std::size_t bytes);

/// A piece of a user's text as a message can hold it: shortened with an ellipsis, control characters as \xNN.
std::string shown(std::string_view text, std::size_t bytes = 60);

}  // namespace nwf
