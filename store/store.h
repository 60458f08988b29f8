// SPDX-License-Identifier: GPL-2.0-or-later
// What should be: named documents of text. Knows no XML.
//
// The names of documents are checked by the caller; this interface refuses those that would leave its directory.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace nwf::store {

/// The shelves of a store. Filters, networks and which of these start by themselves are definitions; bindings, leases
/// (what was learned of a port), networks that are up, networks that are just coming or going, and state are of this
/// boot's run. Settings are what an administrator chose for this host. What was before an import from another firewall
/// outlives a boot, as the filters do that it replaced.
enum class Shelf {
  Filters,
  Bindings,
  Leases,
  State,
  Networks,
  Autostart,
  NetworksUp,
  NetworksChanging,
  Imported,
  Settings
};

/// A document written but not yet in force: commit() puts it in force by one rename, destruction without
/// commit drops it. Splitting the two lets a kernel transaction stand between them: everything that can fail
/// for lack of space or permission has failed before the kernel is asked.
class Prepared {
 public:
  virtual ~Prepared() = default;
  /// In force and durable when it returns.
  virtual Result<void> commit() = 0;
};

struct Document {
  std::string name;
  std::string_view text;
};

struct ShelvedDocument {
  Shelf shelf;
  std::string name;
  std::string text;
};

/// How the file of a document looks: another document under its name looks different.
struct FileState {
  std::uint64_t device = 0, inode = 0, bytes = 0;
  std::int64_t modified_ns = 0, changed_ns = 0;  ///< stat(2): st_mtim, st_ctim
  bool operator==(const FileState&) const = default;
};

struct ListedDocument {
  std::string name;
  FileState state;
  /// Nobody can change the file from now on without its state showing it: a file system's clock goes in steps.
  bool settled = false;
};

/// Held while a change is made, by one process at a time.
class Lock {
 public:
  virtual ~Lock() = default;
  /// The holder before this one did not live to give it back, or there was none since boot: what is remembered may be
  /// behind what was done.
  virtual bool after_crash() const = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  /// Waits until no other process holds it.
  virtual Result<std::unique_ptr<Lock>> lock() = 0;
  /// The text of a document, or nothing when there is none of this name.
  virtual Result<std::optional<std::string>> get(Shelf shelf, const std::string& name) = 0;
  /// Names of all documents of a shelf, sorted.
  virtual Result<std::vector<std::string>> list(Shelf shelf) = 0;
  /// The same with how each looks, for readers that keep what they read. One that goes meanwhile is left out.
  virtual Result<std::vector<ListedDocument>> look(Shelf shelf) = 0;
  /// How one document looks; nothing when it is not there.
  virtual Result<std::optional<ListedDocument>> look(Shelf shelf, const std::string& name) = 0;
  virtual Result<std::unique_ptr<Prepared>> prepare(Shelf shelf, const std::string& name, std::string_view text) = 0;
  /// prepare() and commit() for whom nothing stands between the two.
  Result<void> put(Shelf shelf, const std::string& name, std::string_view text) {
    NWF_TRY(const auto prepared, prepare(shelf, name, text));
    return prepared->commit();
  }
  /// Many documents that come into force together: once commit() returns they all are, and a crash before, within or
  /// after it leaves all of them or none to whoever takes the lock next. Called with the lock held until after commit.
  virtual Result<std::unique_ptr<Prepared>> prepare_all(const std::vector<ShelvedDocument>& documents) = 0;
  /// Something that differs whenever documents of the shelf were put in force, added or removed meanwhile; nothing when
  /// that cannot be told just now. A file that somebody edits in place is not noticed.
  virtual std::optional<std::string> revision(Shelf shelf) = 0;
  /// Fills an empty shelf with all of these at one instant: a crash leaves it empty or full.
  virtual Result<void> fill(Shelf shelf, const std::vector<Document>& documents) = 0;
  /// Removes a document; removing one that is not there is not an error.
  virtual Result<void> remove(Shelf shelf, const std::string& name) = 0;
  /// The file a document lies in (or would), for messages; empty where documents are not files.
  virtual std::string path(Shelf shelf, const std::string& name) const = 0;
};

/// One file each: ROOT/etc/nwf/filters/NAME.xml, ROOT/run/nwf/bindings/PORT.xml, ROOT/run/nwf/leases/PORT.json,
/// ROOT/run/nwf/state/NAME, ROOT/etc/nwf/networks/NAME.xml, ROOT/etc/nwf/networks/autostart/NAME,
/// ROOT/run/nwf/networks/NAME.xml, ROOT/run/nwf/networks/changing/NAME.xml, ROOT/etc/nwf/imported/NAME.json;
/// written by temporary file, fsync, rename and fsync of the directory. The lock is flock(2) on
/// ROOT/run/nwf/lock. Directories are made when first needed, mode 0755. `root` "" or "/" is the host itself.
std::unique_ptr<Store> open_directory(const std::string& root);

}  // namespace nwf::store
