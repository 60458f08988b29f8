// SPDX-License-Identifier: GPL-2.0-or-later
// Any text as dnsmasq's leases, in which guests choose their names.
#include "engine/network/leases.h"

#include <string_view>

#include "tests/fuzz/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const nwf::Lease& lease : nwf::parse_leases(text))
    nwf::fuzz::must(lease.host_name.find('\n') == std::string::npos, "a name is in one line", lease.host_name);
  return 0;
}
