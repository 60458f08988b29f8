// SPDX-License-Identifier: GPL-2.0-or-later
// Any text as a file of leases: what is read is written and read again as the same.
#include "host/lease_file.h"

#include "tests/fuzz/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nwf;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const host::Clocks now{1'000'000, 1'700'000'000'000, "boot"};
  const auto read = host::leases_from_text(text, now);
  if (!read) return 0;
  fuzz::must(read->beliefs.size() <= learn::kMaxBeliefs, "not too many beliefs", text);
  const std::string written = host::to_text(*read, now);
  const auto again = host::leases_from_text(written, now);
  fuzz::must(again && again->mac == read->mac && again->beliefs.size() == read->beliefs.size(), "reads what it writes",
             written);
  fuzz::must(host::to_text(*again, now) == written, "writes the same again", written);
  return 0;
}
