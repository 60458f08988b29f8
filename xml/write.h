// SPDX-License-Identifier: GPL-2.0-or-later
// Model → XML, in the form of libvirt's dumpxml: the same model always gives the same bytes, and reading them gives
// the same model.
#pragma once

#include <string>

#include "engine/model/binding.h"
#include "engine/model/filter.h"

namespace nwf::xml {

std::string write_filter(const Filter& filter);
std::string write_binding(const Binding& binding);

}  // namespace nwf::xml
