// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fault/state_of_host.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "engine/ruleset/diff.h"

namespace nwf::test {
namespace {

namespace fs = std::filesystem;

bool is_leftover(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with('.') || name.ends_with(".tmp") || file.parent_path().extension() == ".new";
}

std::vector<fs::path> files_below(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code gone;
  for (const auto& entry : fs::recursive_directory_iterator(directory, gone))
    if (entry.is_regular_file(gone)) files.push_back(entry.path());
  return files;
}

}  // namespace

Documents documents_below(const std::string& root) {
  Documents documents;
  for (const char* shelf : {"/etc/nwf/filters", "/run/nwf/bindings"})
    for (const fs::path& file : files_below(root + shelf)) {
      if (is_leftover(file)) continue;
      std::ifstream in(file);
      documents[file.string().substr(root.size())] = std::string(std::istreambuf_iterator<char>(in), {});
    }
  return documents;
}

std::vector<std::string> leftovers_below(const std::string& root) {
  std::vector<std::string> leftovers;
  for (const char* place : {"/etc/nwf", "/run/nwf"})
    for (const fs::path& file : files_below(root + place))
      if (is_leftover(file)) leftovers.push_back(file.string());
  return leftovers;
}

Result<HostState> read_state(const std::string& root, Backend& backend) {
  NWF_TRY(Held held, backend.read());
  return HostState{documents_below(root), std::move(held.ruleset)};
}

std::vector<std::string> difference(const Ruleset& from, const Ruleset& to) { return describe(diff(from, to)); }

std::string difference(const Documents& from, const Documents& to) {
  std::string words;
  for (const auto& [path, text] : from) {
    const auto there = to.find(path);
    if (there == to.end())
      words += " -" + path;
    else if (there->second != text)
      words += " ~" + path;
  }
  for (const auto& [path, text] : to)
    if (!from.contains(path)) words += " +" + path;
  return words.empty() ? " none" : words;
}

}  // namespace nwf::test
