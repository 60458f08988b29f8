// SPDX-License-Identifier: GPL-2.0-or-later
#include "learn/dhcp.h"

#include <bitset>

namespace nwf::learn {
namespace {

constexpr std::uint32_t kMagic = 0x63825363;  // RFC 2131 3: 99.130.83.99
constexpr std::uint8_t kPad = 0, kEnd = 255;
constexpr std::uint8_t kRequested = 50, kLeaseTime = 51, kMessageType = 53, kServerId = 54, kClientId = 61;
constexpr std::uint8_t kRequest = 1, kReply = 2, kEthernet = 1;

/// An option that must be this value and nothing more.
template <class T, class Take>
bool whole(View body, std::optional<T>& into, Take take) {
  Reader reader(body);
  into = take(reader);
  return into.has_value() && reader.empty();
}

bool option(std::uint8_t code, View body, DhcpMessage& message, std::optional<std::uint8_t>& kind) {
  switch (code) {
    case kRequested:
      return whole(body, message.requested, [](Reader& r) { return r.address<Ipv4>(); });
    case kServerId:
      return whole(body, message.server, [](Reader& r) { return r.address<Ipv4>(); });
    case kLeaseTime:
      return whole(body, message.lease_seconds, [](Reader& r) { return r.u32(); });
    case kMessageType:
      return whole(body, kind, [](Reader& r) { return r.u8(); });
    case kClientId:
      message.client_id.assign(body.begin(), body.end());
      return !body.empty();
    default:
      return true;
  }
}

/// False unless the options end where they say so.
bool options(Reader& reader, DhcpMessage& message, std::optional<std::uint8_t>& kind) {
  // RFC 3396 joins options that come twice, which makes sense for long ones; none that is looked at is.
  std::bitset<256> seen;
  while (const auto code = reader.u8()) {
    if (*code == kPad) continue;
    if (*code == kEnd) return true;
    const auto size = reader.u8();
    if (!size) return false;
    const auto body = reader.take(*size);
    if (!body) return false;
    const bool known =
        *code == kRequested || *code == kServerId || *code == kLeaseTime || *code == kMessageType || *code == kClientId;
    if (known && seen.test(*code)) return false;
    seen.set(*code);
    if (!option(*code, *body, message, kind)) return false;
  }
  return false;
}

bool is_of_server(DhcpMessage::Kind kind) {
  using Kind = DhcpMessage::Kind;
  return kind == Kind::Offer || kind == Kind::Ack || kind == Kind::Nak;
}

}  // namespace

std::optional<DhcpMessage> parse_dhcp(View payload) {
  Reader reader(payload);
  DhcpMessage message{};
  const auto op = reader.u8(), hardware = reader.u8(), hardware_length = reader.u8(), hops = reader.u8();
  const auto transaction = reader.u32();
  const auto seconds_and_flags = reader.u32();
  const auto ciaddr = reader.address<Ipv4>(), yiaddr = reader.address<Ipv4>();
  constexpr std::size_t kNextServerAndRelay = 8, kRestOfChaddr = 10, kNames = 64 + 128;
  if (!yiaddr || !hops || !seconds_and_flags || !reader.skip(kNextServerAndRelay)) return std::nullopt;
  const auto client = reader.address<Mac>();
  if (!client || !reader.skip(kRestOfChaddr + kNames)) return std::nullopt;
  if (const auto magic = reader.u32(); !magic || *magic != kMagic) return std::nullopt;
  if ((*op != kRequest && *op != kReply) || *hardware != kEthernet || *hardware_length != client->bytes.size())
    return std::nullopt;
  message.from_server = *op == kReply;
  message.transaction = *transaction;
  message.client = *client;
  message.ciaddr = *ciaddr;
  message.yiaddr = *yiaddr;
  std::optional<std::uint8_t> kind;
  if (!options(reader, message, kind) || !kind) return std::nullopt;
  if (*kind < static_cast<std::uint8_t>(DhcpMessage::Kind::Discover) ||
      *kind > static_cast<std::uint8_t>(DhcpMessage::Kind::Inform))
    return std::nullopt;
  message.kind = static_cast<DhcpMessage::Kind>(*kind);
  if (is_of_server(message.kind) != message.from_server) return std::nullopt;
  return message;
}

}  // namespace nwf::learn
