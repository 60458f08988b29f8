// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as a guest's frame: what it says of an address is said by bytes that are there.
#include <algorithm>
#include <variant>

#include "learn/sighting.h"
#include "tests/fuzz/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nwf;
  const auto seen = learn::sighting({data, size});
  if (!seen) return 0;
  fuzz::must(size >= 14 && std::equal(seen->mac.bytes.begin(), seen->mac.bytes.end(), data + 6),
             "the sender is the frame's", seen->mac.text());
  const auto in_frame = [&](const auto& address) {
    return std::search(data, data + size, address.bytes.begin(), address.bytes.end()) != data + size;
  };
  fuzz::must(std::visit(in_frame, seen->address), "the address is in the frame", seen->mac.text());
  return 0;
}
