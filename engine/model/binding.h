// SPDX-License-Identifier: GPL-2.0-or-later
// A binding: what makes a filter active on a port.
#pragma once

#include <optional>
#include <string>

#include "engine/model/address.h"
#include "engine/model/filter.h"

namespace nwf {

struct Owner {
  std::string name;
  std::optional<Uuid> uuid;
};

struct Binding {
  Owner owner;  ///< the guest; may be empty
  PortName port;
  Mac mac;
  std::string filter;   ///< name of the root filter
  Variables variables;  ///< parameters of the binding's <filterref>; `IP` also from <ip address>
  Source source;
  std::optional<PortName> link = {};  ///< the host's device below a macvtap port; kept, nothing is made of it
  /// What is believed of the guest's own addresses, by variable (learning.h). Counts for a variable that the filter
  /// needs and nobody gives.
  Variables learned = {};

  /// The variables that rules see, without those that are learned: `variables`, and `MAC` from the binding's own
  /// address.
  Variables effective_variables() const;
};

}  // namespace nwf
