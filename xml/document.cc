// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/document.h"

#include <fmt/format.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>

#include <algorithm>
#include <cstring>

namespace nwf::xml {
namespace {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* handle) const noexcept {
    Free(handle);
  }
};
using Context = std::unique_ptr<xmlParserCtxt, FreeWith<&xmlFreeParserCtxt>>;

std::string_view blanks_removed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string string_of(const xmlChar* text) {
  return text == nullptr ? std::string() : reinterpret_cast<const char*>(text);
}

/// Builds the tree from the parser's events, so that each element's place is known when it starts.
class Builder {
 public:
  Builder(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Result<Element> run() {
    xmlSAXHandler handler{};
    handler.initialized = XML_SAX2_MAGIC;
    handler.startElementNs = &start_element;
    handler.endElementNs = &end_element;
    handler.characters = &characters;
    handler.cdataBlock = &characters;
    handler.internalSubset = &document_type;
    handler.serror = &error;
    const Context context(xmlCreatePushParserCtxt(&handler, this, nullptr, 0, nullptr));
    if (context == nullptr) return fail(ErrorKind::Storage, "no memory to read XML");
    context_ = context.get();
    xmlCtxtUseOptions(context_, XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_COMPACT);
    // In chunks, so that an element's place is where the parser stands and nothing is read after a failure.
    constexpr std::size_t kChunk = 4096;
    for (std::size_t at = 0; at < text_.size() && !failed_; at += kChunk) {
      const std::size_t size = std::min(kChunk, text_.size() - at);
      xmlParseChunk(context_, text_.data() + at, static_cast<int>(size), 0);
    }
    if (!failed_) xmlParseChunk(context_, nullptr, 0, 1);
    if (!failed_ && roots_.empty()) set_error("the document has no element", {file_, 1, 1}, "");
    if (failed_) return fail(std::move(error_));
    return std::move(roots_.front());
  }

 private:
  static Builder& self(void* user) { return *static_cast<Builder*>(user); }

  void set_error(std::string message, Source where, std::string remedy) {
    if (failed_) return;
    failed_ = true;
    error_ = {ErrorKind::Invalid, std::move(message), std::move(where), std::move(remedy), {}};
    if (context_ != nullptr) xmlStopParser(context_);
  }

  Source here() const {
    if (context_ == nullptr || context_->input == nullptr) return {file_, 1, 1};
    return {file_, context_->input->line, context_->input->col};
  }

  /// Where the element starts whose start tag the parser has just read: back to its '<'.
  Source start_of_tag() {
    const xmlParserInput* input = context_->input;
    // The parser's own column is wrong once it has moved its buffer on, so the place is counted in our text. That is
    // the parser's only when it need not convert from another encoding.
    if (input->buf != nullptr && input->buf->encoder != nullptr) return {file_, input->line, input->col};
    const std::size_t end =
        std::min(input->consumed + static_cast<std::size_t>(input->cur - input->base), text_.size());
    // A '<' cannot stand inside a start tag, not even in an attribute's value.
    const std::size_t start = text_.rfind('<', end == 0 ? 0 : end - 1);
    if (start == std::string_view::npos) return here();
    return {file_, line_at(start), column_at(start)};
  }

  /// Asked for places further and further on: what is behind is not counted again.
  int line_at(std::size_t place) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(counted_),
                                         text_.begin() + static_cast<std::ptrdiff_t>(place), '\n'));
    counted_ = place;
    return line_;
  }

  int column_at(std::size_t place) const {
    const std::size_t line_end = place == 0 ? std::string_view::npos : text_.rfind('\n', place - 1);
    return static_cast<int>(line_end == std::string_view::npos ? place + 1 : place - line_end);
  }

  static void start_element(void* user, const xmlChar* local, const xmlChar*, const xmlChar*, int, const xmlChar**,
                            int count, int, const xmlChar** attributes) {
    Builder& b = self(user);
    if (b.failed_) return;
    Element element;
    element.name = string_of(local);
    element.source = b.start_of_tag();
    if (b.open_.size() >= kMaxDepth) {
      b.set_error(fmt::format("elements nest deeper than {}", kMaxDepth), element.source, "");
      return;
    }
    for (int i = 0; i < count; ++i) {
      // libxml2: five pointers an attribute: name, prefix, namespace, first and one past the last of the value
      const xmlChar** a = attributes + static_cast<std::ptrdiff_t>(i) * 5;
      element.attributes.push_back(
          {string_of(a[0]), std::string(reinterpret_cast<const char*>(a[3]), static_cast<std::size_t>(a[4] - a[3]))});
    }
    b.open_.push_back(std::move(element));
  }

  static void end_element(void* user, const xmlChar*, const xmlChar*, const xmlChar*) {
    Builder& b = self(user);
    if (b.failed_ || b.open_.empty()) return;
    Element done = std::move(b.open_.back());
    b.open_.pop_back();
    done.text = std::string(blanks_removed(done.text));
    (b.open_.empty() ? b.roots_ : b.open_.back().children).push_back(std::move(done));
  }

  static void characters(void* user, const xmlChar* text, int length) {
    Builder& b = self(user);
    if (!b.failed_ && !b.open_.empty())
      b.open_.back().text.append(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
  }

  static void document_type(void* user, const xmlChar*, const xmlChar*, const xmlChar*) {
    Builder& b = self(user);
    b.set_error("the document has a DOCTYPE, which is not allowed", b.here(), "remove it; entities are never expanded");
  }

  static void error(void* user, xmlErrorPtr what) {
    Builder& b = self(user);
    if (what == nullptr || what->level < XML_ERR_ERROR) return;
    std::string message(blanks_removed(what->message == nullptr ? "" : what->message));
    b.set_error("not well-formed XML: " + message, {b.file_, what->line, what->int2}, "");
  }

  std::string_view text_;
  const std::string& file_;
  xmlParserCtxt* context_ = nullptr;
  std::vector<Element> open_;
  std::vector<Element> roots_;
  std::size_t counted_ = 0;
  int line_ = 1;
  bool failed_ = false;
  Error error_;
};

}  // namespace

const std::string* Element::attribute(std::string_view wanted) const {
  const auto found =
      std::find_if(attributes.begin(), attributes.end(), [&](const XmlAttribute& a) { return a.name == wanted; });
  return found == attributes.end() ? nullptr : &found->value;
}

Result<Element> read_document(std::string_view text, const std::string& file) {
  const Source start{file, 1, 1};
  if (text.size() > kMaxDocumentBytes)
    return fail({ErrorKind::Invalid,
                 fmt::format("the text has {} bytes; at most {} are read", text.size(), kMaxDocumentBytes),
                 start,
                 {},
                 {}});
  if (blanks_removed(text).empty()) return fail({ErrorKind::Invalid, "the text is empty", start, {}, {}});
  if (text.find('\0') != std::string_view::npos)
    return fail({ErrorKind::Invalid, "the text has a zero byte in it: this is no XML", start, {}, {}});
  return Builder(text, file).run();
}

}  // namespace nwf::xml
