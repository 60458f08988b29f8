// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/bindings.h"

#include "xml/binding.h"

namespace nwf::host {

using store::Shelf;

Result<std::optional<Binding>> Bindings::read(const store::ListedDocument& document) {
  kept_.erase(document.name);
  // Looked at before it is read: when it is replaced in between, it looks different the next time.
  NWF_TRY(const auto text, store_.get(Shelf::Bindings, document.name));
  if (!text) return std::nullopt;
  NWF_TRY(auto parsed, xml::read_binding(*text, store_.path(Shelf::Bindings, document.name)));
  if (document.settled) kept_.insert_or_assign(document.name, Kept{document.state, parsed.value});
  return std::move(parsed.value);
}

Result<std::optional<Binding>> Bindings::find(const std::string& port) {
  NWF_TRY(const auto document, store_.look(Shelf::Bindings, port));
  if (!document) {
    kept_.erase(port);
    return std::nullopt;
  }
  const auto kept = kept_.find(port);
  if (kept != kept_.end() && kept->second.state == document->state) return kept->second.binding;
  return read(*document);
}

Result<std::vector<Binding>> Bindings::all() {
  return of([](const Owner&) { return true; });
}

Result<std::vector<Binding>> Bindings::of(const std::function<bool(const Owner&)>& wanted) {
  NWF_TRY(const auto documents, store_.look(Shelf::Bindings));
  std::vector<Binding> bindings;
  auto before = kept_.begin();
  for (const store::ListedDocument& document : documents) {
    // What is kept of ports between the last one and this one is of ports that are bound no longer.
    while (before != kept_.end() && before->first < document.name) before = kept_.erase(before);
    if (before != kept_.end() && before->first == document.name && before->second.state == document.state) {
      if (wanted(before->second.binding.owner)) bindings.push_back(before->second.binding);
      continue;
    }
    NWF_TRY(auto binding, read(document));
    before = kept_.upper_bound(document.name);
    if (binding && wanted(binding->owner)) bindings.push_back(std::move(*binding));
  }
  kept_.erase(before, kept_.end());
  return bindings;
}

}  // namespace nwf::host
