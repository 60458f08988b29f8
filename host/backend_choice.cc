// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/backend_choice.h"

#include <fmt/format.h>

#include "store/store.h"

namespace nwf::host {
namespace {

constexpr const char* kDocument = "backend";
constexpr BackendChoice kChoices[] = {{false, false}, {true, false}, {true, true}};

}  // namespace

std::string BackendChoice::text() const {
  if (!legacy) return "nftables";
  return classic ? "iptables-legacy-classic" : "iptables-legacy";
}

Result<BackendChoice> parse_backend(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  for (const BackendChoice& choice : kChoices)
    if (choice.text() == text) return choice;
  return fail(ErrorKind::Invalid, fmt::format("there is no backend '{}'", text),
              "use nftables, iptables-legacy or iptables-legacy-classic");
}

Result<BackendChoice> read_backend(store::Store& store) {
  NWF_TRY(const auto text, store.get(store::Shelf::Settings, kDocument));
  if (!text) return BackendChoice{};
  auto choice = parse_backend(*text);
  if (!choice) return fail(std::move(choice).error().in(store.path(store::Shelf::Settings, kDocument)));
  return choice;
}

Result<void> write_backend(store::Store& store, const BackendChoice& choice) {
  return store.put(store::Shelf::Settings, kDocument, choice.text() + "\n");
}

}  // namespace nwf::host
