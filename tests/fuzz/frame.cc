// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as a guest's frame: what it says of an address is said by bytes that are there.
#include <algorithm>
#include <variant>

#include "learn/sighting.h"
#include "tests/fuzz/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nwf;
  if (size < 14) return 0;
  Mac sender;
  std::copy_n(data + 6, sender.bytes.size(), sender.bytes.begin());
  const auto type = static_cast<std::uint16_t>(data[12] << 8U | data[13]);
  const auto seen = learn::sighting(sender, type, learn::View(data, size).subspan(14));
  if (!seen) return 0;
  const auto in_frame = [&](const auto& address) {
    return std::search(data, data + size, address.bytes.begin(), address.bytes.end()) != data + size;
  };
  fuzz::must(std::visit(in_frame, seen->address), "the address is in the frame", sender.text());
  return 0;
}
