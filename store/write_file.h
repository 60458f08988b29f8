// SPDX-License-Identifier: GPL-2.0-or-later
// One file replaced so that a reader sees the old text or the new one, whatever happens in between.
//
// The text goes to a temporary file of the same directory, which its writer holds with flock(2) until it is
// renamed or removed. A temporary file that nobody holds is therefore one whose writer died.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "store/descriptor.h"
#include "store/store.h"

namespace nwf::store {

/// Opens a directory; with `create`, makes it and its missing parents, durable, mode 0755. Without it, a missing
/// directory gives an empty descriptor.
Result<Descriptor> open_directory_fd(const std::string& path, bool create);

/// Writes `text` beside `file` of `directory` (an open `directory_path`) and syncs it.
Result<std::unique_ptr<Prepared>> prepare_file(Descriptor directory, const std::string& directory_path,
                                               const std::string& file, std::string_view text);

/// The whole text of a file of `directory`, or nothing when it is not there.
Result<std::optional<std::string>> read_file(const Descriptor& directory, const std::string& directory_path,
                                             const std::string& file);

/// True for names that prepare_file() gives its temporary files.
bool is_temporary(std::string_view file);
/// Removes temporary files whose writers are gone. What cannot be removed stays: it is never read.
void remove_stale(const Descriptor& directory);

/// Writes all of it; an errno, or 0.
int write_all(int fd, std::string_view text);
/// fsync(2), restarted when interrupted; an errno, or 0.
int sync(int fd);

/// Mode of the files of a store.
inline constexpr mode_t kFileMode = 0644;
/// Largest document; a larger one is none of ours.
inline constexpr std::size_t kMaxDocument = std::size_t{64} << 20;

}  // namespace nwf::store
