// SPDX-License-Identifier: GPL-2.0-or-later
// Texts that a user hands over together → what they define.
#pragma once

#include <memory>
#include <vector>

#include "engine/model/binding.h"
#include "engine/model/filter.h"
#include "host/service.h"

namespace nwf::host {

/// Filters and bindings in the order of the texts, each name once.
struct Definitions {
  std::vector<std::shared_ptr<Filter>> filters;
  std::vector<Binding> bindings;
  std::vector<Error> warnings;
};

/// Errors: Invalid with all mistakes of all texts; two texts that define the same filter or bind the same port are one.
Result<Definitions> read_definitions(const std::vector<Document>& documents);

}  // namespace nwf::host
