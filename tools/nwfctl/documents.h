// SPDX-License-Identifier: GPL-2.0-or-later
// The texts of files and of whole directories.
#pragma once

#include <istream>
#include <string>
#include <vector>

#include "host/service.h"

namespace nwf::tools {

/// Each path is a file, "-" for standard input, or a directory: of that all files below it whose names end in .xml,
/// sorted. `progress` is told of each file. Errors: of the first that cannot be read; a directory without such files.
Result<std::vector<host::Document>> read_documents(const std::vector<std::string>& paths, std::istream& standard_input,
                                                   const host::Progress& progress);

}  // namespace nwf::tools
