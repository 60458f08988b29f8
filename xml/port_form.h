// SPDX-License-Identifier: GPL-2.0-or-later
// What <filterbinding> and <interface> share: a port, a MAC address, a filter.
#pragma once

#include <optional>

#include "engine/model/binding.h"
#include "xml/document.h"
#include "xml/mistakes.h"
#include "xml/parsed.h"

namespace nwf::xml {

/// The parts as they are found; each may be missing until finish().
struct PortForm {
  Source source;
  Owner owner;
  std::optional<PortName> port;
  std::optional<Mac> mac;
  std::optional<FilterRef> filter;
};

/// `attribute` of `element` as a port's name.
void read_port(const Element& element, std::string_view attribute, PortForm& form, Mistakes& mistakes);
void read_mac(const Element& element, PortForm& form, Mistakes& mistakes);
void read_filter_reference(const Element& element, PortForm& form, Mistakes& mistakes);

/// The binding, or all mistakes. `port_element` says in a message which element names the port.
Result<Parsed<Binding>> finish(PortForm form, std::string_view port_element, Mistakes mistakes);

}  // namespace nwf::xml
