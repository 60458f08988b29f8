// SPDX-License-Identifier: GPL-2.0-or-later
#include "learn/advertisement.h"

#include "learn/packet.h"

namespace nwf::learn {
namespace {

constexpr std::uint8_t kRouterAdvertisement = 134, kPrefixInformation = 3, kAutonomous = 0x40, kHopLimit = 255;

Ipv6 masked(Ipv6 address, std::uint8_t length) {
  for (std::size_t i = 0; i < address.bytes.size(); ++i) {
    const std::size_t first = i * 8;
    if (first >= length)
      address.bytes[i] = 0;
    else if (length - first < 8)
      address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & (0xff00U >> (length - first)));
  }
  return address;
}

bool prefix_information(View body, std::vector<Advertisement::Prefix>& into) {
  Reader reader(body);
  const auto length = reader.u8(), flags = reader.u8();
  const auto valid = reader.u32(), preferred = reader.u32();
  constexpr std::size_t kReserved = 4, kMaxLength = 128;
  if (!preferred || !reader.skip(kReserved)) return false;
  const auto address = reader.address<Ipv6>();
  if (!address || !reader.empty() || *length > kMaxLength) return false;
  // RFC 4862 5.5.3: without the flag it is not for hosts to form addresses in; link-local is ignored; lifetimes fit.
  if ((*flags & kAutonomous) == 0 || is_link_local(*address) || *preferred > *valid || *length == 0) return true;
  if (into.size() < kMaxPrefixes) into.push_back({masked(*address, *length), *length, *valid});
  return true;
}

}  // namespace

bool is_in(const Ipv6& address, const Ipv6& prefix, std::uint8_t length) {
  return masked(address, length) == masked(prefix, length);
}

std::optional<Advertisement> parse_advertisement(View packet) {
  const auto message = icmpv6(packet);
  if (!message || message->type != kRouterAdvertisement || message->code != 0) return std::nullopt;
  if (message->hop_limit != kHopLimit || !is_link_local(message->source)) return std::nullopt;
  Reader reader(message->body);
  constexpr std::size_t kFixed = 12, kUnit = 8, kHead = 2;
  if (!reader.skip(kFixed)) return std::nullopt;
  Advertisement found{message->source, {}};
  while (!reader.empty()) {
    const auto kind = reader.u8(), units = reader.u8();
    if (!units || *units == 0) return std::nullopt;
    const auto body = reader.take(*units * kUnit - kHead);
    if (!body || (*kind == kPrefixInformation && !prefix_information(*body, found.prefixes))) return std::nullopt;
  }
  return found;
}

}  // namespace nwf::learn
