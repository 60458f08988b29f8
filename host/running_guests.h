// SPDX-License-Identifier: GPL-2.0-or-later
// The guests that run, as libvirt's QEMU driver keeps them: a file NAME.xml each in its run directory, a <domstatus>,
// put in place by rename at each change and removed when the guest has ended (libvirt: virDomainObjSave,
// qemuProcessStop).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"

namespace nwf::host {

struct GuestFile {
  std::string name;  ///< the guest's
  std::string path;
  std::optional<std::string> text;  ///< none: the guest has ended
};

class RunningGuests {
 public:
  /// Watches a directory, which need not exist yet. Errors: Kernel, Denied.
  static Result<std::unique_ptr<RunningGuests>> open(const std::string& directory);
  virtual ~RunningGuests() = default;

  /// Readable when something may have changed.
  virtual int descriptor() const = 0;
  /// The guests whose files came, changed or went since the last call, each once; all of them at the first call, and
  /// whenever the kernel dropped news.
  virtual std::vector<GuestFile> drain() = 0;
  /// All of them as they are now.
  virtual std::vector<GuestFile> all() const = 0;
};

}  // namespace nwf::host
