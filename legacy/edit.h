// SPDX-License-Identifier: GPL-2.0-or-later
// A table in hand, and how it is changed: what is nwf's only, whatever the kind of table.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/legacy/tables.h"

namespace nwf::legacy {

/// A rule as the kernel takes it, and as two of them are compared.
struct EncodedRule {
  Bytes bytes;
  Bytes image;         ///< without counters and what the kernel keeps there for itself
  std::string target;  ///< the chain it leads to; a verdict's or a target's name otherwise
};

struct EncodedTable {
  std::map<std::string, Chain<EncodedRule>> chains;
  std::vector<std::string> hubs;
  std::vector<Link<EncodedRule>> links;
  bool empty() const { return chains.empty() && hubs.empty() && links.empty(); }
};

/// A table read from the kernel, changed here and written back by its owner.
class Editor {
 public:
  struct Held {
    Bytes image;
    std::string target;
  };

  virtual ~Editor() = default;
  virtual std::vector<std::string> chains() = 0;
  virtual bool has(const std::string& chain) = 0;
  virtual std::vector<Held> rules(const std::string& chain) = 0;
  /// What a packet meets at the end: see Chain::returns. False, too, when it is neither of the two.
  virtual bool ends_as(const std::string& chain, bool returns) = 0;
  virtual void end_as(const std::string& chain, bool returns) = 0;

  virtual Result<void> create(const std::string& chain, bool returns) = 0;
  virtual Result<void> insert(const std::string& chain, const EncodedRule& rule, std::size_t at) = 0;
  virtual Result<void> append(const std::string& chain, const EncodedRule& rule) = 0;
  virtual Result<void> erase(const std::string& chain, std::size_t at) = 0;
  virtual Result<void> flush(const std::string& chain) = 0;
  virtual Result<void> remove(const std::string& chain) = 0;
  virtual bool is_referred_to(const std::string& chain) = 0;
};

/// What was done, in words, one line each.
using Deeds = std::vector<std::string>;

/// From what some have to what they are to have. Errors: Refused for a chain that is not `ours`; before anything is
/// changed.
Result<Deeds> change(Editor& table, const TableId& id, const EncodedTable& before, const EncodedTable& after,
                     const std::set<std::string>& ours);

/// Exactly this of what is nwf's: chains of `ours` that are not wanted go, and every rule that leads to them.
Result<Deeds> make_exact(Editor& table, const TableId& id, const EncodedTable& wanted,
                         const std::set<std::string>& ours);

}  // namespace nwf::legacy
