// SPDX-License-Identifier: GPL-2.0-or-later
// The learner (host/learner.h) on an event loop.
#pragma once

#include <systemd/sd-event.h>

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "host/learner.h"
#include "rpc/handles.h"

namespace nwf::tools {

class LearningLoop {
 public:
  /// Told what went wrong.
  using OnError = std::function<void(const Error&)>;

  /// Watches for the learner as long as it lives; both belong to the loop's thread.
  static Result<std::unique_ptr<LearningLoop>> open(sd_event* loop, std::unique_ptr<host::Learner> learner,
                                                    OnError on_error);
  virtual ~LearningLoop() = default;

  /// These ports were bound, unbound or given other values. It is looked at when the loop has nothing else to do, so
  /// that whoever asked for it need not wait, and many changes are one look.
  virtual void changed(const std::string& port) = 0;
  /// Any port may learn other things now.
  virtual void all_changed() = 0;
  virtual void links_changed() = 0;
  virtual host::LearnerFigures figures() const = 0;
};

}  // namespace nwf::tools
