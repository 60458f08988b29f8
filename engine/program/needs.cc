// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/needs.h"

namespace nwf {

std::set<std::string> needed_variables(const FlatFilter& flat) {
  std::set<std::string> needed;
  for (const FlatRule& rule : flat.rules)
    for (const Attribute& attribute : rule.rule->attributes)
      if (const auto* variable = std::get_if<VariableRef>(&attribute.value);
          variable != nullptr && variable->name != "MAC" && !rule.parameters.contains(variable->name))
        needed.insert(variable->name);
  return needed;
}

}  // namespace nwf
