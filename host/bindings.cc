// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/bindings.h"

#include "xml/binding.h"

namespace nwf::host {

using store::Shelf;

Result<std::optional<Binding>> Bindings::find(const std::string& port) const {
  NWF_TRY(const auto text, store_.get(Shelf::Bindings, port));
  if (!text) return std::nullopt;
  NWF_TRY(auto parsed, xml::read_binding(*text, store_.path(Shelf::Bindings, port)));
  return std::move(parsed.value);
}

Result<std::vector<Binding>> Bindings::all() {
  NWF_TRY(const auto documents, store_.look(Shelf::Bindings));
  std::vector<Binding> bindings;
  bindings.reserve(documents.size());
  std::map<std::string, Kept> kept;
  for (const store::ListedDocument& document : documents) {
    const auto before = kept_.find(document.name);
    if (before != kept_.end() && before->second.state == document.state) {
      bindings.push_back(before->second.binding);
      kept.insert(kept.end(), kept_.extract(before));
      continue;
    }
    // Looked at before it is read: when it is replaced in between, it looks different the next time.
    NWF_TRY(auto binding, find(document.name));
    if (!binding) continue;
    if (document.settled) kept.emplace_hint(kept.end(), document.name, Kept{document.state, *binding});
    bindings.push_back(std::move(*binding));
  }
  kept_ = std::move(kept);
  return bindings;
}

}  // namespace nwf::host
