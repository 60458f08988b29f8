// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/netns/learn_frames.h"

#include "engine/model/address.h"

namespace nwf::test {
namespace {

void append(Bytes& to, const auto& bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

bool is_of_server(std::uint8_t kind) { return kind == 2 || kind == 5 || kind == 6; }

}  // namespace

Bytes dhcp_message(const DhcpFields& fields) {
  Bytes out{static_cast<std::uint8_t>(is_of_server(fields.kind) ? 2 : 1), 1, 6, 0};
  append(out, to_bytes(fields.transaction, 4));
  out.insert(out.end(), 4, 0);
  append(out, Ipv4::parse(fields.ciaddr)->bytes);
  append(out, Ipv4::parse(fields.yiaddr)->bytes);
  out.insert(out.end(), 8, 0);
  append(out, Mac::parse(fields.client_mac)->bytes);
  out.insert(out.end(), 10 + 64 + 128, 0);
  append(out, Bytes{0x63, 0x82, 0x53, 0x63, 53, 1, fields.kind});
  if (fields.lease_seconds) {
    append(out, Bytes{51, 4});
    append(out, to_bytes(*fields.lease_seconds, 4));
  }
  if (!fields.requested.empty()) {
    append(out, Bytes{50, 4});
    append(out, Ipv4::parse(fields.requested)->bytes);
  }
  if (!fields.client_id.empty()) {
    append(out, Bytes{61, static_cast<std::uint8_t>(fields.client_id.size())});
    append(out, fields.client_id);
  }
  append(out, fields.more);
  out.push_back(255);
  return out;
}

Bytes dhcp_frame(const Ends& ends, const std::string& source_ip, const std::string& target_ip,
                 const DhcpFields& fields) {
  const Udp ports = is_of_server(fields.kind) ? Udp{67, 68} : Udp{68, 67};
  return udp_frame(ends, source_ip, target_ip, ports, dhcp_message(fields));
}

}  // namespace nwf::test
