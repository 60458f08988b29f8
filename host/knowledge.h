// SPDX-License-Identifier: GPL-2.0-or-later
// What is known of the kernel without reading it: which programs it holds, and at which generation that was true.
//
// Kept in the store so that the next process can make a small change without reading everything back. It is
// only a hint: when the kernel's generation says that somebody wrote meanwhile, or the kernel refuses a change
// that should have been possible, it is thrown away and the kernel is read.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/model/filter.h"
#include "engine/ruleset/dispatch.h"
#include "store/store.h"

namespace nwf::host {

struct KnownProgram {
  std::string filter;
  std::vector<std::string> filters;  ///< all filters of its tree
  std::string hash;
  std::size_t ports = 0;
  Variables sample;                ///< of a port that came to it: with these an edit compiles it anew for all its ports
  std::vector<std::string> facts;  ///< keys of its shape's facts, sorted: what holds of every port that runs it
  std::vector<std::string> values;            ///< names of its value sets, sorted
  std::map<std::string, std::string> chains;  ///< name to sealed fingerprint
  std::vector<std::string> sets;
  std::set<Need> needs;
  std::set<MarkedLimit> limits;
  std::string ports_set;
  FlowEntries entry;
  bool common = false;  ///< its ports are in a set of their own (dispatch.h)
  /// False once somebody else wrote: its chains have to be looked at before they are built upon.
  bool checked = true;
};

struct Knowledge {
  std::uint32_t generation = 0;
  std::string place;  ///< boot and network namespace it is about; elsewhere it is worth nothing
  bool host_traffic = false;
  bool ethernet = true, inet = true;  ///< the layers that these programs judge
  Capabilities capabilities;
  std::map<std::string, KnownProgram> programs;
  std::set<std::string> closed;  ///< ports that run no program but are closed

  FrameNeeds frame_needs() const;
  /// Names of the sets that some program uses.
  std::set<std::string> sets() const;
};

/// The document of Shelf::State that keeps it.
inline constexpr const char* kKnowledgeDocument = "kernel";

/// The store's lock, for whatever: only the first to take it is told of a crash. Whoever died with it may have changed
/// the kernel or the state without writing that down, so what is remembered is removed then.
Result<std::unique_ptr<store::Lock>> take_lock(store::Store& store);

/// This boot and this network namespace.
std::string this_namespace();
/// This boot, this network namespace, and whether br_netfilter calls the inet hooks in it.
std::string this_place();

std::string to_text(const Knowledge& knowledge);
/// Nothing when the text is not one of ours.
std::optional<Knowledge> knowledge_from_text(const std::string& text);

}  // namespace nwf::host
