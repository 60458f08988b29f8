// SPDX-License-Identifier: GPL-2.0-or-later
// The zones of a firewalld that runs on this host. Whoever opens a host says how it is asked (rpc/firewalld.h), so that
// a program that has no need of a message bus loads nothing for it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/error.h"

namespace nwf::host {

class Zones {
 public:
  virtual ~Zones() = default;
  virtual Result<std::vector<std::string>> names() = 0;
  /// Empty when the interface is in none.
  virtual Result<std::string> of(const std::string& interface) = 0;
  virtual Result<void> add(const std::string& zone, const std::string& interface) = 0;
  virtual Result<void> remove(const std::string& zone, const std::string& interface) = 0;
};

/// Nothing where no firewalld runs.
using FindZones = std::function<Result<std::unique_ptr<Zones>>()>;

}  // namespace nwf::host
