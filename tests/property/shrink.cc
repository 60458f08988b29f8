// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/property/shrink.h"

namespace nwf::test {
namespace {

/// Every case that is one step smaller, the largest steps first.
std::vector<Case> smaller(const Case& from) {
  std::vector<Case> all;
  const auto add = [&](auto change) {
    Case next = from;
    change(next);
    all.push_back(std::move(next));
  };
  for (std::size_t i = 0; from.packets.size() > 1 && i < from.packets.size(); ++i)
    add([i](Case& c) { c.packets.erase(c.packets.begin() + static_cast<std::ptrdiff_t>(i)); });
  for (std::size_t f = 0; f < from.tree.filters.size(); ++f) {
    const auto& entries = from.tree.filters[f].entries;
    for (std::size_t e = 0; e < entries.size(); ++e) {
      add([=](Case& c) {
        auto& list = c.tree.filters[f].entries;
        list.erase(list.begin() + static_cast<std::ptrdiff_t>(e));
      });
      const auto* rule = std::get_if<FilterRule>(&entries[e]);
      if (rule == nullptr) continue;
      for (std::size_t a = 0; a < rule->attributes.size(); ++a)
        add([=](Case& c) {
          auto& list = std::get<FilterRule>(c.tree.filters[f].entries[e]).attributes;
          list.erase(list.begin() + static_cast<std::ptrdiff_t>(a));
        });
      if (rule->priority != kDefaultRulePriority)
        add([=](Case& c) { std::get<FilterRule>(c.tree.filters[f].entries[e]).priority = kDefaultRulePriority; });
    }
    if (from.tree.filters[f].priority) add([=](Case& c) { c.tree.filters[f].priority.reset(); });
    if (from.tree.filters[f].chain != "root") add([=](Case& c) { c.tree.filters[f].chain = "root"; });
  }
  for (const auto& [name, values] : from.tree.variables)
    if (values.size() > 1) add([&name = name](Case& c) { c.tree.variables[name].pop_back(); });
  return all;
}

}  // namespace

Case shrink(Case failing, const std::function<bool(const Case&)>& fails) {
  // Bisecting packets first saves most of the work: only the last of them is known to matter.
  while (failing.packets.size() > 2) {
    Case half = failing;
    half.packets.erase(half.packets.begin(),
                       half.packets.begin() + static_cast<std::ptrdiff_t>(half.packets.size() / 2));
    if (!fails(half)) break;
    failing = std::move(half);
  }
  for (bool again = true; again;) {
    again = false;
    for (Case& next : smaller(failing))
      if (fails(next)) {
        failing = std::move(next);
        again = true;
        break;
      }
  }
  return failing;
}

}  // namespace nwf::test
