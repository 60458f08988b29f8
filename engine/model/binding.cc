// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/binding.h"

namespace nwf {

Variables Binding::effective_variables() const {
  Variables all = variables;
  all["MAC"] = {mac.text()};
  return all;
}

}  // namespace nwf
