// SPDX-License-Identifier: GPL-2.0-or-later
// Connections as far as filters can see them: is a packet the first of its flow, a later one, a reply, or none of
// these.
//
// Follows net/netfilter/nf_conntrack_core.c and the protocols' own files; sequence numbers, time-outs and the life of a
// TCP connection after its first packets are left out, so every later packet of a known flow is established.
#pragma once

#include <map>
#include <tuple>

#include "engine/simulate/packet.h"

namespace nwf::simulate {

/// What conntrack says of a packet: one bit of kCtState…, or 0 for what it does not look at.
struct Connection {
  std::uint32_t state = 0;
  bool reply = false;
};

/// A flow's ends as its first packet has them; ports of ICMP are its identifier.
struct Flow {
  std::uint8_t protocol = 0;
  Bytes source, target;
  std::uint16_t source_port = 0, target_port = 0;
  Flow reversed() const { return {protocol, target, source, target_port, source_port}; }
  friend auto operator<=>(const Flow&, const Flow&) = default;
};

class Conntrack {
 public:
  /// What the packet is; a reply makes its flow established. Nothing is remembered of a new flow until confirm().
  Connection look(std::span<const std::uint8_t> frame, const Headers& headers);
  /// The packet got through: its flow is known from now on.
  void confirm(std::span<const std::uint8_t> frame, const Headers& headers);
  /// The flow a packet belongs to, as its first packet would have it; nothing for what is not tracked.
  std::optional<Flow> flow(std::span<const std::uint8_t> frame, const Headers& headers) const;

 private:
  struct State {
    bool replied = false;
  };
  std::map<Flow, State> flows_;
};

}  // namespace nwf::simulate
