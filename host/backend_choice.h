// SPDX-License-Identifier: GPL-2.0-or-later
// Which of the kernel's firewalls realises filters on a host: an administrator's choice, kept with the definitions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/error.h"

namespace nwf::store {
class Store;
}

namespace nwf::host {

struct BackendChoice {
  bool legacy = false;   ///< iptables, ip6tables and ebtables; else nf_tables
  bool classic = false;  ///< legacy only: each port's rules in chains of its own, as libvirt has them
  /// nftables, iptables-legacy, or iptables-legacy-classic.
  std::string text() const;
  friend bool operator==(const BackendChoice&, const BackendChoice&) = default;
};

/// Errors: Invalid, saying what there is.
Result<BackendChoice> parse_backend(std::string_view text);

/// What was chosen; nf_tables when nothing was.
Result<BackendChoice> read_backend(store::Store& store);
Result<void> write_backend(store::Store& store, const BackendChoice& choice);

}  // namespace nwf::host
