// SPDX-License-Identifier: GPL-2.0-or-later
// Many files brought into force together, in directories that may lie on different file systems.
//
// They are written below DIRECTORY.next and synced there. One rename decides: of the last part's directory to
// DIRECTORY.commit, those of the parts before it having been renamed to DIRECTORY.ready. From then on whoever comes
// next finishes: each file is renamed into its DIRECTORY, and the empty DIRECTORY.commit is removed last. Directories
// that nobody decided upon are thrown away. One writer at a time: the store's lock is held.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"

namespace nwf::store {

/// Files of one directory, by name, with their texts.
struct PartOfMany {
  std::string directory;
  std::vector<std::pair<std::string, std::string_view>> files;
};

/// Writes the parts aside, nothing undecided being there (no parts: nothing to do); commit() of the result decides and
/// finishes. When the parts' directories do not outlive the same events (a boot), the last is the one that lives
/// longest.
Result<std::unique_ptr<Prepared>> prepare_together(const std::vector<PartOfMany>& parts);

/// Finishes what a process decided upon and did not live to finish: `directories` in the order of the parts.
Result<void> finish_together(const std::vector<std::string>& directories);

/// Throws away what nobody decided upon.
void remove_undecided(const std::string& directory);

}  // namespace nwf::store
