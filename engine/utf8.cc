// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/utf8.h"

#include <fmt/format.h>

namespace nwf {

std::string_view utf8_start(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; };
  // A character has at most three bytes after its first; more than that is not UTF-8 and may be cut anywhere.
  std::size_t end = bytes;
  while (end > 0 && bytes - end < 3 && continues(text[end])) --end;
  return text.substr(0, continues(text[end]) ? bytes : end);
}

std::string shown(std::string_view text, std::size_t bytes) {
  const std::string_view start = utf8_start(text, bytes);
  std::string out;
  for (const char c : start) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  if (start.size() < text.size()) out += "…";
  return out;
}

}  // namespace nwf
