// SPDX-License-Identifier: GPL-2.0-or-later
// What was there before an import, so that it can be taken back: a document of Shelf::Imported, written before anything
// is changed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"
#include "netlink/nftables/foreign.h"

namespace nwf::host {

/// A filter or a binding, as texts of the store.
struct Replaced {
  std::optional<std::string> before;  ///< none: there was none
  std::string imported;               ///< a filter: without its UUID
};

struct ImportRecord {
  std::map<std::string, Replaced> filters;   ///< by name
  std::map<std::string, Replaced> bindings;  ///< by port
  std::string place;                         ///< boot and network namespace of the chains
  std::vector<netlink::ForeignPiece> chains;

  bool empty() const { return filters.empty() && bindings.empty() && chains.empty(); }
};

std::string to_text(const ImportRecord& record);
/// Errors: Invalid when the text is not one of ours; `file` is for the message.
Result<ImportRecord> import_record_from_text(const std::string& text, const std::string& file);

/// The chains of a further removal, with those of one before that are not among them.
void add_chains(std::vector<netlink::ForeignPiece>& all, const std::vector<netlink::ForeignPiece>& more);

}  // namespace nwf::host
