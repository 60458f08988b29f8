// SPDX-License-Identifier: GPL-2.0-or-later
// An <interface> element's parts, alike where it is a document and where it stands in a <domain>.
#pragma once

#include <optional>

#include "xml/port_form.h"

namespace nwf::xml {

/// Its mac, target dev, and filterref with the variables IP and IPV6 from its <ip> elements. `otherwise` stands for a
/// <filterref> that is not there.
PortForm read_interface_form(const Element& element, Mistakes& mistakes, std::optional<FilterRef> otherwise = {});

}  // namespace nwf::xml
