// SPDX-License-Identifier: GPL-2.0-or-later
// Text as XML can hold it.
#pragma once

#include <string>
#include <string_view>

namespace nwf::xml {

/// Text for between single quotes, or between tags. A control character that XML can hold is written as its number.
std::string escaped(std::string_view text);

}  // namespace nwf::xml
