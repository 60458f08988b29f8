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

Result<std::vector<Binding>> Bindings::all() const {
  NWF_TRY(const auto ports, store_.list(Shelf::Bindings));
  std::vector<Binding> bindings;
  bindings.reserve(ports.size());
  for (const std::string& port : ports) {
    NWF_TRY(auto binding, find(port));
    if (binding) bindings.push_back(std::move(*binding));
  }
  return bindings;
}

Result<std::vector<Binding>> Bindings::of(const std::function<bool(const Owner&)>& wanted) {
  NWF_TRY(const auto documents, store_.look(Shelf::Bindings));
  std::vector<Binding> bindings;
  std::map<std::string, Kept> owners;
  for (const store::ListedDocument& document : documents) {
    const auto before = owners_.find(document.name);
    const bool known = before != owners_.end() && before->second.state == document.state;
    if (known && !wanted(before->second.owner)) {
      owners.insert(owners.end(), owners_.extract(before));
      continue;
    }
    // Looked at before it is read: when it is replaced in between, it looks different the next time.
    NWF_TRY(auto binding, find(document.name));
    if (!binding) continue;
    if (document.settled) owners.emplace_hint(owners.end(), document.name, Kept{document.state, binding->owner});
    if (wanted(binding->owner)) bindings.push_back(std::move(*binding));
  }
  owners_ = std::move(owners);
  return bindings;
}

}  // namespace nwf::host
