// SPDX-License-Identifier: GPL-2.0-or-later
// Frames in a line: what is not said has a value that passes for ordinary.
#pragma once

#include <string>

#include "engine/model/address.h"
#include "engine/model/value.h"

namespace nwf::test {

/// The two ends of a frame.
struct Ends {
  std::string source_mac;
  std::string target_mac;
};

struct Udp {
  std::uint16_t source = 40000;
  std::uint16_t target = 50000;
};
struct Tcp {
  std::uint16_t source = 40000;
  std::uint16_t target = 80;
  std::uint8_t flags = 0x02;  ///< SYN
  std::uint32_t sequence = 1000;
  std::uint32_t acknowledged = 0;
};
struct ArpFields {
  std::uint16_t operation = 1;  ///< request
  std::string sender_mac;
  std::string sender_ip;
  std::string target_mac = "00:00:00:00:00:00";
  std::string target_ip;
};

/// Every frame ends with, or holds, these bytes: a number of its own to be known by at the other end.
Bytes next_tag();

Bytes udp_frame(const Ends& ends, const std::string& source_ip, const std::string& target_ip, const Udp& udp,
                const Bytes& tag);
Bytes tcp_frame(const Ends& ends, const std::string& source_ip, const std::string& target_ip, const Tcp& tcp,
                const Bytes& tag);
Bytes udp6_frame(const Ends& ends, const std::string& source_ip, const std::string& target_ip, const Udp& udp,
                 const Bytes& tag);
Bytes arp_frame(const Ends& ends, const ArpFields& arp, const Bytes& tag);
/// A frame of any other type.
Bytes raw_frame(const Ends& ends, std::uint16_t ether_type, const Bytes& tag);

}  // namespace nwf::test
