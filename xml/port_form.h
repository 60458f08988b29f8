// SPDX-License-Identifier: GPL-2.0-or-later
// What <filterbinding> and <interface> share: a port, a MAC address, a filter.
#pragma once

#include <optional>

#include "engine/model/binding.h"
#include "xml/document.h"
#include "xml/mistakes.h"
#include "xml/parsed.h"

namespace nwf::xml {

/// A part as it is found: given without a value when what was written is wrong, which is a mistake told already.
template <class T>
struct Part {
  bool given = false;
  std::optional<T> value;
};

/// The parts; each may be missing until finish().
struct PortForm {
  Source source;
  Owner owner;
  Part<PortName> port;
  Part<PortName> link;
  Part<Mac> mac;
  Part<FilterRef> filter;
};

/// `attribute` of `element` as the name of a network interface.
void read_name(const Element& element, std::string_view attribute, Part<PortName>& part, Mistakes& mistakes);
void read_mac(const Element& element, PortForm& form, Mistakes& mistakes);
void read_filter_reference(const Element& element, PortForm& form, Mistakes& mistakes);

/// The binding, or all mistakes. `port_element` says in a message which element names the port.
Result<Parsed<Binding>> finish(PortForm form, std::string_view port_element, Mistakes mistakes);

}  // namespace nwf::xml
