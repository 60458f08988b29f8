// SPDX-License-Identifier: GPL-2.0-or-later
// The user's editor, run on a file. The only process that nwfctl starts, and never through a shell.
#pragma once

#include <string>
#include <vector>

#include "engine/error.h"
#include "tools/nwfctl/terminal.h"

namespace nwf::tools {

/// $VISUAL, else $EDITOR, else vi, split at blanks: the argument vector without the file.
std::vector<std::string> editor_words(const Terminal& terminal);

/// Waits until the editor ends; an error when it could not be started or did not end with 0.
Result<void> run_editor(const std::vector<std::string>& words, const std::string& file);

}  // namespace nwf::tools
