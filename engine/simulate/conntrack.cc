// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/simulate/conntrack.h"

namespace nwf::simulate {
namespace {

using View = std::span<const std::uint8_t>;

constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kAuthentication = 51, kIcmpv6 = 58, kNoNextHeader = 59,
                       kSctp = 132, kUdplite = 136;

std::uint16_t u16(View bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned>(bytes[at]) << 8U | bytes[at + 1]);
}

Bytes part(View bytes, std::size_t at, std::size_t length) {
  return {bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(at + length)};
}

enum class Kind { Untracked, Invalid, Opens, Continues };

/// net/netfilter/nf_conntrack_proto_tcp.c: what of a TCP segment without a known connection makes one (tcp_loose is
/// on).
Kind tcp_kind(std::uint8_t flags) {
  constexpr std::uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16, kUrg = 32;
  const auto shape = static_cast<std::uint8_t>(flags & (kFin | kSyn | kRst | kAck | kUrg));
  // tcp_valid_flags
  switch (shape) {
    case kSyn:
    case kSyn | kUrg:
      return Kind::Opens;
    case kAck:
    case kAck | kUrg:
      return Kind::Opens;
    case kSyn | kAck:
    case kRst:
    case kRst | kAck:
    case kFin | kAck:
    case kFin | kAck | kUrg:
      return Kind::Continues;
    default:
      return Kind::Invalid;
  }
}

/// net/netfilter/nf_conntrack_proto_icmp.c: requests open a flow, answers continue one.
Kind icmp_kind(std::uint8_t type) {
  switch (type) {
    case 8:
    case 13:
    case 15:
    case 17:
      return Kind::Opens;
    case 0:
    case 14:
    case 16:
    case 18:
      return Kind::Continues;
    default:
      return Kind::Invalid;
  }
}

/// net/netfilter/nf_conntrack_proto_icmpv6.c: neighbour discovery and multicast listeners are not tracked.
Kind icmpv6_kind(std::uint8_t type) {
  if ((type >= 130 && type <= 137) || type == 143) return Kind::Untracked;
  if (type == 128) return Kind::Opens;
  if (type == 129) return Kind::Continues;
  return Kind::Invalid;
}

struct Tracked {
  Kind kind = Kind::Untracked;
  Flow flow;
};

Tracked track(View frame, const Headers& headers) {
  Tracked out;
  if (headers.tagged || !headers.l4proto || !(headers.ipv4 || headers.ipv6)) return out;
  out.flow.protocol = *headers.l4proto;
  out.flow.source = headers.ipv4 ? part(frame, headers.network + 12, 4) : part(frame, headers.network + 8, 16);
  out.flow.target = headers.ipv4 ? part(frame, headers.network + 16, 4) : part(frame, headers.network + 24, 16);
  out.kind = Kind::Opens;
  if (!headers.transport) return out;
  std::size_t at = *headers.transport;
  if (headers.ipv6) {
    // ipv6_skip_exthdr(), unlike nf_tables, goes on behind authentication headers.
    while (out.flow.protocol == kAuthentication && at + 2 <= frame.size()) {
      out.flow.protocol = frame[at];
      at += (static_cast<std::size_t>(frame[at + 1]) + 2) * 4;
    }
    if (out.flow.protocol == kNoNextHeader) {
      out.kind = Kind::Invalid;
      return out;
    }
  }
  const std::size_t left = frame.size() > at ? frame.size() - at : 0;
  switch (out.flow.protocol) {
    case kTcp:
      if (left < 20) {
        out.kind = Kind::Invalid;
        return out;
      }
      out.kind = tcp_kind(frame[at + 13]);
      break;
    case kUdp:
    case kUdplite:
    case kSctp:
      if (left < 8) {
        out.kind = Kind::Invalid;
        return out;
      }
      break;
    case kIcmp:
    case kIcmpv6: {
      if (left < 8) {
        out.kind = Kind::Invalid;
        return out;
      }
      if ((out.flow.protocol == kIcmp) != headers.ipv4) return out;  // the other version's ICMP is any protocol
      out.kind = headers.ipv4 ? icmp_kind(frame[at]) : icmpv6_kind(frame[at]);
      out.flow.source_port = out.flow.target_port = u16(frame, at + 4);
      return out;
    }
    default:
      return out;
  }
  out.flow.source_port = u16(frame, at);
  out.flow.target_port = u16(frame, at + 2);
  return out;
}

}  // namespace

Connection Conntrack::look(View frame, const Headers& headers) {
  const Tracked tracked = track(frame, headers);
  if (tracked.kind == Kind::Untracked) return {kCtStateUntracked, false};
  if (tracked.kind == Kind::Invalid) return {kCtStateInvalid, false};
  if (const auto known = flows_.find(tracked.flow); known != flows_.end())
    return {known->second.replied ? kCtStateEstablished : kCtStateNew, false};
  if (const auto known = flows_.find(tracked.flow.reversed()); known != flows_.end()) {
    known->second.replied = true;
    return {kCtStateEstablished, true};
  }
  return {tracked.kind == Kind::Opens ? kCtStateNew : kCtStateInvalid, false};
}

void Conntrack::confirm(View frame, const Headers& headers) {
  const Tracked tracked = track(frame, headers);
  if (tracked.kind != Kind::Opens || flows_.contains(tracked.flow.reversed())) return;
  flows_.try_emplace(tracked.flow);
}

std::optional<Flow> Conntrack::flow(View frame, const Headers& headers) const {
  const Tracked tracked = track(frame, headers);
  if (tracked.kind == Kind::Untracked || tracked.kind == Kind::Invalid) return std::nullopt;
  if (flows_.contains(tracked.flow.reversed())) return tracked.flow.reversed();
  return tracked.flow;
}

}  // namespace nwf::simulate
