// SPDX-License-Identifier: GPL-2.0-or-later
// Moving in: what a libvirt host has becomes nwf's, and goes back.
//
// Everything is made of a service's calls, so that it is the same with and without nwfd; only the record of what was
// before (import_record.h) and libvirt's own chains are handled in this process. The order is what makes it safe:
//
//   import   the record is written · all filters and bindings, one change: from here both engines judge · the record of
//            libvirt's chains is written · these chains, one transaction: from here nwf alone judges
//   undo     libvirt's chains, one transaction · all filters and bindings, one change · the record goes
//
// A crash between any two of these leaves each port guarded by one of the two engines at least, and the same command
// again goes on from there.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/error.h"
#include "host/service.h"

namespace nwf::host {

struct ImportOptions {
  std::string root;                ///< nwf's: where the record is
  std::string libvirt_root = "/";  ///< what libvirt has is below it
  bool carry_out = false;          ///< else only the plan is made
  bool keep = false;               ///< where both have something of one name, nwf's stays
  bool remove_chains = false;      ///< libvirt's, once nwf's rules are in force
};

/// A filter or a binding that libvirt has.
struct ImportedObject {
  std::string name;    ///< the filter's, or the port
  std::string filter;  ///< of a binding
  std::string guest;   ///< of a binding; may be empty
  std::string file;    ///< where libvirt has it
  Deed deed = Deed::New;
  bool kept = false;              ///< nwf's own stays in its place
  std::string note;               ///< what differs, or is decided; empty: nothing
  std::string libvirt_uuid = {};  ///< of a filter whose UUID is another one in nwf, which stays
};

struct Imported {
  bool done = false;  ///< else it is a plan
  std::vector<ImportedObject> filters;
  std::vector<ImportedObject> bindings;
  std::vector<std::string> changes;       ///< of the kernel's ruleset, in words; only of a plan
  bool remove_chains = false;             ///< was asked for
  std::vector<std::string> chains;        ///< libvirt's, with what leads to them: gone, or can go
  std::size_t chain_rules = 0;            ///< how many rules these are
  std::vector<std::string> chains_kept;   ///< those that stay, and why
  std::vector<std::string> not_imported;  ///< what else libvirt has
  std::vector<std::string> warnings;
  /// Why the chains are still there, when they should be gone: the import itself is done.
  std::optional<Error> chains_failed;

  bool changes_something() const;
};

/// What undo did, or would.
struct ImportUndone {
  bool done = false;
  std::vector<FilterSummary> filters_removed;
  std::vector<std::string> filters_restored;
  std::vector<std::string> bindings_removed;
  std::vector<std::string> bindings_restored;
  std::vector<std::string> chains;  ///< libvirt's, that are put back
  std::size_t chain_rules = 0;      ///< how many rules came back; 0 in a plan
  std::vector<std::string> left;    ///< what stays as it is, and why
  std::vector<std::string> warnings;
};

/// Errors: Invalid with all mistakes of libvirt's files, nothing being changed; those of Service::apply().
Result<Imported> import_libvirt(Service& service, const ImportOptions& options);
/// Takes back what is still as it was imported. Errors: NotFound when nothing was imported.
Result<ImportUndone> undo_import(Service& service, const ImportOptions& options);

}  // namespace nwf::host
