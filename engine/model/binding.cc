// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/binding.h"

namespace nwf {

Variables Binding::effective_variables() const {
  Variables all = variables;
  std::erase_if(all, [](const auto& variable) { return variable.second.empty(); });  // no value: not given
  all["MAC"] = {mac.text()};
  return all;
}

}  // namespace nwf
