// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "tools/nwfctl/input.h"

namespace nwf::tools {
namespace {

namespace fs = std::filesystem;

Result<std::vector<std::string>> files_below(const std::string& directory) {
  const auto cannot = [&](const std::error_code& code) {
    return fail(code == std::errc::permission_denied ? ErrorKind::Denied : ErrorKind::Storage,
                fmt::format("cannot list {}: {}", directory, code.message()));
  };
  std::vector<std::string> files;
  std::error_code code;
  fs::recursive_directory_iterator entry(directory, code);
  if (code) return cannot(code);
  for (; entry != fs::recursive_directory_iterator(); entry.increment(code)) {
    const fs::path& path = entry->path();
    // Editors and package tools leave hidden files behind.
    if (path.filename().native().starts_with('.')) {
      entry.disable_recursion_pending();
    } else if (path.extension() == ".xml" && !entry->is_directory(code)) {
      files.push_back(path.string());
    }
    if (code) return cannot(code);
  }
  if (code) return cannot(code);
  if (files.empty())
    return fail(ErrorKind::Invalid, fmt::format("there are no .xml files in {}", directory),
                "put filters and bindings there, one a file");
  std::ranges::sort(files);
  return files;
}

}  // namespace

Result<std::vector<host::Document>> read_documents(const std::vector<std::string>& paths, std::istream& standard_input,
                                                   const host::Progress& progress) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (path == "-" || !fs::is_directory(path, ignored)) {
      files.push_back(path);
      continue;
    }
    NWF_TRY(const auto below, files_below(path));
    files.insert(files.end(), below.begin(), below.end());
  }
  std::vector<host::Document> documents;
  documents.reserve(files.size());
  for (const std::string& file : files) {
    progress("reading", documents.size(), files.size());
    NWF_TRY(std::string text, read_input(file, standard_input));
    documents.push_back({file, std::move(text)});
  }
  return documents;
}

}  // namespace nwf::tools
