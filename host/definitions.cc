// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/definitions.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <string>

#include "xml/definition.h"

namespace nwf::host {
namespace {

/// All mistakes as one error.
class Mistakes {
 public:
  void add(Error error) {
    std::vector<Error> more = std::move(error.more);
    error.more.clear();
    if (first_)
      first_->more.push_back(std::move(error));
    else
      first_ = std::move(error);
    for (Error& further : more) first_->more.push_back(std::move(further));
  }
  std::optional<Error> take() { return std::move(first_); }

 private:
  std::optional<Error> first_;
};

class Reader {
 public:
  void read(const Document& document) {
    auto parsed = xml::read_definition(document.text, document.file);
    if (!parsed) return mistakes_.add(std::move(parsed).error());
    for (Error& warning : parsed->warnings) out_.warnings.push_back(std::move(warning));
    if (auto* filter = std::get_if<Filter>(&parsed->value)) {
      if (once("filter", filter->name, filter->source))
        out_.filters.push_back(std::make_shared<Filter>(std::move(*filter)));
    } else {
      auto& binding = std::get<Binding>(parsed->value);
      if (once("port", binding.port.text(), binding.source)) out_.bindings.push_back(std::move(binding));
    }
  }

  Result<Definitions> take() {
    if (auto error = mistakes_.take()) return fail(std::move(*error));
    return std::move(out_);
  }

 private:
  bool once(const char* what, const std::string& name, const Source& source) {
    const auto [there, fresh] = places_.emplace(std::pair{what, name}, source);
    if (fresh) return true;
    mistakes_.add({ErrorKind::Invalid,
                   fmt::format("{} '{}' is in {}:{} already", what, name, there->second.file, there->second.line),
                   source,
                   "leave one of them out",
                   {}});
    return false;
  }

  Definitions out_;
  Mistakes mistakes_;
  std::map<std::pair<std::string, std::string>, Source> places_;
};

}  // namespace

Result<Definitions> read_definitions(const std::vector<Document>& documents) {
  Reader reader;
  for (const Document& document : documents) reader.read(document);
  return reader.take();
}

}  // namespace nwf::host
