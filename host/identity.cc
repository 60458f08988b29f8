// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/identity.h"

#include <random>

namespace nwf::host {

Uuid random_uuid() {
  std::random_device device;
  Uuid uuid;
  for (std::uint8_t& byte : uuid.bytes) byte = static_cast<std::uint8_t>(device());
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0fU) | 0x40U);
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3fU) | 0x80U);
  return uuid;
}

Mac random_mac() {
  std::random_device device;
  Mac mac{{0x52, 0x54, 0x00, 0, 0, 0}};
  for (std::size_t i = 3; i < mac.bytes.size(); ++i) mac.bytes[i] = static_cast<std::uint8_t>(device());
  return mac;
}

}  // namespace nwf::host
