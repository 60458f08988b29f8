// SPDX-License-Identifier: GPL-2.0-or-later
// What a reader gives back.
#pragma once

#include <vector>

#include "engine/error.h"

namespace nwf::xml {

/// A value read, and what is odd about the text without being wrong.
template <class T>
struct Parsed {
  T value;
  std::vector<Error> warnings;
};

}  // namespace nwf::xml
