// SPDX-License-Identifier: GPL-2.0-or-later
// A guest's <interface> → model.
#pragma once

#include <optional>

#include "xml/binding.h"

namespace nwf::xml {

/// Reads an <interface> of a guest, of any type: its mac, target dev, filterref with parameters, and its <ip address>
/// elements, which become the variables IP and IPV6 unless the filterref gives those itself. The rest of it is
/// libvirt's business and not looked at.
Result<Parsed<Binding>> read_interface(std::string_view text, const std::string& file);
/// The same for a document that is read already.
Result<Parsed<Binding>> read_interface(const Element& root);

/// The <source bridge> of an <interface>, when it names one.
Result<std::optional<PortName>> read_source_bridge(std::string_view text, const std::string& file);

/// A <filterbinding> or an <interface>, by the document's own word.
Result<Parsed<Binding>> read_binding_or_interface(std::string_view text, const std::string& file);

}  // namespace nwf::xml
