// SPDX-License-Identifier: GPL-2.0-or-later
// Aligned columns under a dashed line, laid out as virsh does, so that scripts written for it can read them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nwf::tools {

class Table {
 public:
  explicit Table(std::vector<std::string> header);
  /// As many cells as the header has.
  void add(std::vector<std::string> cells);
  /// The header in bold when `bold`; an empty line follows the last row.
  std::string text(bool bold) const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the header first
};

/// `text` with control characters as \\xNN: a name must not move the cursor.
std::string printable(std::string_view text);

}  // namespace nwf::tools
