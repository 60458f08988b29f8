// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/error.h"

#include <fmt/format.h>

namespace nwf {

std::string describe(const Error& error) {
  std::string text;
  if (!error.where.file.empty()) {
    text = error.where.file + ":";
    if (error.where.line > 0) text += fmt::format("{}:", error.where.line);
    if (error.where.line > 0 && error.where.column > 0) text += fmt::format("{}:", error.where.column);
    text += " ";
  }
  text += error.message;
  if (!error.remedy.empty()) text += "; " + error.remedy;
  return text;
}

std::string describe_all(const Error& error) {
  std::string text = describe(error);
  for (const Error& further : error.more) text += "\n" + describe_all(further);
  return text;
}

}  // namespace nwf
