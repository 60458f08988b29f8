// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/document.h"

#include <fmt/format.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>

#include <algorithm>
#include <cstring>

#include "engine/utf8.h"

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

/// Nothing in these documents has a prefix: with it in its name, an element or attribute is unknown to every reader.
std::string with_prefix(const xmlChar* prefix, const xmlChar* local) {
  return prefix == nullptr ? string_of(local) : string_of(prefix) + ":" + string_of(local);
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
    // NOENT, "put the text in an entity's place", is about the five that XML has itself: a DOCTYPE, which could declare
    // others, ends the reading.
    xmlCtxtUseOptions(context_, XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_COMPACT | XML_PARSE_NOENT);
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

  bool counts_places() const {
    const xmlParserInput* input = context_->input;
    return input->buf == nullptr || input->buf->encoder == nullptr;
  }
  /// Where the parser stands in our text.
  std::size_t place() const {
    const xmlParserInput* input = context_->input;
    return std::min(input->consumed + static_cast<std::size_t>(input->cur - input->base), text_.size());
  }

  /// Where the element starts whose start tag the parser has just read: back to its '<'.
  Source start_of_tag() {
    const xmlParserInput* input = context_->input;
    // The parser's own column is wrong once it has moved its buffer on, so the place is counted in our text. That is
    // the parser's only when it need not convert from another encoding.
    if (!counts_places()) return {file_, input->line, input->col};
    const std::size_t end = place();
    // A '<' cannot stand inside a start tag, not even in an attribute's value.
    const std::size_t start = text_.rfind('<', end == 0 ? 0 : end - 1);
    if (start == std::string_view::npos) return here();
    return at(start);
  }

  /// Asked for places further and further on: what is behind is not counted again.
  Source at(std::size_t place) {
    for (; counted_ < place; ++counted_)
      if (text_[counted_] == '\n') {
        ++line_;
        line_start_ = counted_ + 1;
      }
    return {file_, line_, static_cast<int>(place - line_start_ + 1)};
  }

  static void start_element(void* user, const xmlChar* local, const xmlChar* prefix, const xmlChar*, int declared,
                            const xmlChar** namespaces, int count, int, const xmlChar** attributes) {
    Builder& b = self(user);
    if (b.failed_) return;
    Element element;
    element.name = with_prefix(prefix, local);
    element.source = b.start_of_tag();
    if (b.counts_places()) element.begin = b.counted_;
    for (int i = 0; i < declared; ++i)  // libxml2: two pointers each: prefix, address
      element.namespaces.push_back({string_of(namespaces[static_cast<std::ptrdiff_t>(i) * 2]),
                                    string_of(namespaces[static_cast<std::ptrdiff_t>(i) * 2 + 1])});
    if (b.open_.size() >= kMaxDepth) {
      b.set_error(fmt::format("elements nest deeper than {}", kMaxDepth), element.source, "");
      return;
    }
    for (int i = 0; i < count; ++i) {
      // libxml2: five pointers an attribute: name, prefix, namespace, first and one past the last of the value
      const xmlChar** a = attributes + static_cast<std::ptrdiff_t>(i) * 5;
      element.attributes.push_back({with_prefix(a[1], a[0]), std::string(reinterpret_cast<const char*>(a[3]),
                                                                         static_cast<std::size_t>(a[4] - a[3]))});
    }
    b.open_.push_back(std::move(element));
  }

  static void end_element(void* user, const xmlChar*, const xmlChar*, const xmlChar*) {
    Builder& b = self(user);
    if (b.failed_ || b.open_.empty()) return;
    Element done = std::move(b.open_.back());
    b.open_.pop_back();
    done.text = std::string(blanks_removed(done.text));
    if (b.counts_places()) done.end = b.place();
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
    // libxml2 may tell more on a second line, such as the bytes that no encoding explains.
    std::string message(blanks_removed(what->message == nullptr ? "" : what->message));
    for (std::size_t end = message.find('\n'); end != std::string::npos; end = message.find('\n', end))
      message.replace(end, 1, ": ");
    // And it repeats names of the text, however long they are.
    b.set_error("not well-formed XML: " + shown(message, 300), {b.file_, what->line, what->int2}, "");
  }

  std::string_view text_;
  const std::string& file_;
  xmlParserCtxt* context_ = nullptr;
  std::vector<Element> open_;
  std::vector<Element> roots_;
  std::size_t counted_ = 0;
  std::size_t line_start_ = 0;
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
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    const std::string_view before = text.substr(0, zero);
    const auto line_start = before.rfind('\n');  // npos + 1 is 0
    return fail({ErrorKind::Invalid,
                 "the text has a zero byte in it: this is no XML",
                 {file, static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
                  static_cast<int>(zero - (line_start + 1)) + 1},
                 {},
                 {}});
  }
  return Builder(text, file).run();
}

}  // namespace nwf::xml
