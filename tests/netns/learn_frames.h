// SPDX-License-Identifier: GPL-2.0-or-later
// Frames that teach: DHCP in both directions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/harness/packet.h"

namespace nwf::test {

struct DhcpFields {
  std::uint8_t kind = 5;  ///< RFC 2132 9.6: 5 is an ACK
  std::string client_mac;
  std::string yiaddr = "0.0.0.0";
  std::string ciaddr = "0.0.0.0";
  std::string requested = {};
  std::uint32_t transaction = 1;
  std::optional<std::uint32_t> lease_seconds = {};
  std::string client_id = {};
  Bytes more = {};  ///< further options, before the end
};

/// The payload of its UDP datagram.
Bytes dhcp_message(const DhcpFields& fields);
/// From a server's port to a client's when `kind` is a server's, else the other way.
Bytes dhcp_frame(const Ends& ends, const std::string& source_ip, const std::string& target_ip,
                 const DhcpFields& fields);

}  // namespace nwf::test
