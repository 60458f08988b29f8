// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace nwf::tools {
namespace {

// Characters of UTF-8 text: every byte but the continuing ones.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

Table::Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }

void Table::add(std::vector<std::string> cells) {
  assert(cells.size() == rows_.front().size());
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text(bool bold) const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::size_t dashes = 0;
  for (const std::size_t width : widths) dashes += width + 3;

  std::string out;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      line += (i == 0 ? " " : "   ") + rows_[r][i];
      if (i + 1 < widths.size()) line.append(widths[i] - width_of(rows_[r][i]), ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += r == 0 && bold ? "\033[1m" + line + "\033[0m\n" : line + "\n";
    if (r == 0) out += std::string(dashes, '-') + "\n";
  }
  return out + "\n";
}

}  // namespace nwf::tools
