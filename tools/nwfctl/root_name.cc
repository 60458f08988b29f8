// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/root_name.h"

#include <algorithm>

namespace nwf::tools {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

void skip_blanks(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size())); }

// Leaves out everything up to and including `end`; false when it never comes.
bool skip_past(std::string_view& text, std::string_view end) {
  const std::size_t place = text.find(end);
  if (place == std::string_view::npos) return false;
  text.remove_prefix(place + end.size());
  return true;
}

// What an entity stands for. Character references do not occur in names that anybody types.
std::optional<std::string> without_entities(std::string_view text) {
  struct Entity {
    std::string_view name;
    char character;
  };
  constexpr Entity kEntities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
  std::string out;
  while (!text.empty()) {
    if (text.front() != '&') {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    bool known = false;
    for (const Entity& entity : kEntities) {
      if (!text.starts_with(entity.name)) continue;
      out += entity.character;
      text.remove_prefix(entity.name.size());
      known = true;
      break;
    }
    if (!known) return std::nullopt;
  }
  return out;
}

}  // namespace

std::optional<std::string> root_name(std::string_view xml) {
  // The prolog: blanks, <?…?>, <!--…-->.
  while (true) {
    xml.remove_prefix(std::min(xml.find('<'), xml.size()));
    if (xml.starts_with("<!--")) {
      if (!skip_past(xml, "-->")) return std::nullopt;
    } else if (xml.starts_with("<?")) {
      if (!skip_past(xml, "?>")) return std::nullopt;
    } else {
      break;
    }
  }
  constexpr std::string_view kStart = "<filter";
  if (!xml.starts_with(kStart)) return std::nullopt;
  xml.remove_prefix(kStart.size());
  while (true) {
    skip_blanks(xml);
    const std::size_t equals = xml.find('=');
    if (equals == std::string_view::npos || xml.find('>') < equals) return std::nullopt;
    std::string_view name = xml.substr(0, equals);
    name = name.substr(0, name.find_last_not_of(kBlanks) + 1);
    xml.remove_prefix(equals + 1);
    skip_blanks(xml);
    if (xml.empty() || (xml.front() != '\'' && xml.front() != '"')) return std::nullopt;
    const char quote = xml.front();
    xml.remove_prefix(1);
    const std::size_t end = xml.find(quote);
    if (end == std::string_view::npos) return std::nullopt;
    if (name == "name") return without_entities(xml.substr(0, end));
    xml.remove_prefix(end + 1);
  }
}

}  // namespace nwf::tools
