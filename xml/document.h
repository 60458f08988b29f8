// SPDX-License-Identifier: GPL-2.0-or-later
// An XML text as a tree of elements with their places. Hides libxml2: its types, its global state, its output.
//
// Never loads entities, document types or anything from the network: a text with a DOCTYPE is refused before any
// of it is looked at.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace nwf::xml {

/// Longest text that is read at all.
constexpr std::size_t kMaxDocumentBytes = 4U << 20U;
/// Deepest nesting of elements.
constexpr int kMaxDepth = 32;

struct XmlAttribute {
  std::string name;
  std::string value;
};

struct Element {
  std::string name;
  Source source;                         ///< of the `<`
  std::vector<XmlAttribute> attributes;  ///< in the order of the text
  std::vector<Element> children;         ///< elements only
  std::vector<XmlAttribute> namespaces;  ///< declared here: prefix (may be empty) and address
  /// The element in the text read, from its '<' to past its end; both 0 where the text is in another encoding.
  std::size_t begin = 0, end = 0;
  std::string text;  ///< all character data directly below it, blanks at the ends removed

  /// The attribute's value, or nullptr.
  const std::string* attribute(std::string_view name) const;
};

/// Reads a text. Errors: Invalid with file, line and column: not well formed, too long, too deep, a DOCTYPE.
Result<Element> read_document(std::string_view text, const std::string& file);

}  // namespace nwf::xml
