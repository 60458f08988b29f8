// SPDX-License-Identifier: GPL-2.0-or-later
#include "learn/dhcpv6.h"

namespace nwf::learn {
namespace {

using Lease = Dhcpv6Message::Lease;

// RFC 8415 21
constexpr std::uint16_t kClientId = 1, kServerId = 2, kAddresses = 3, kTemporary = 4, kAddress = 5, kStatus = 13,
                        kPrefixes = 25, kPrefix = 26;
constexpr std::uint8_t kMaxPrefix = 128;
/// RFC 8415 11.1: a DUID has at most 128 bytes behind its type.
constexpr std::size_t kMaxDuid = 130;

struct Option {
  std::uint16_t code;
  View body;
};

/// The next option; nothing at the end, and `broken` for one that is cut short.
std::optional<Option> next_option(Reader& reader, bool& broken) {
  if (reader.empty()) return std::nullopt;
  const auto code = reader.u16(), size = reader.u16();
  const auto body = size ? reader.take(*size) : std::nullopt;
  broken = !body;
  if (broken) return std::nullopt;
  return Option{*code, *body};
}

/// Looks for a status in the options; false when they are broken.
bool status(Reader& reader, bool& refused) {
  bool broken = false;
  while (const auto option = next_option(reader, broken)) {
    if (option->code != kStatus) continue;
    Reader body(option->body);
    const auto code = body.u16();
    if (!code) return false;
    refused = refused || *code != 0;
  }
  return !broken;
}

bool lease(const Option& option, std::vector<Lease>& into) {
  Reader reader(option.body);
  Lease found;
  std::optional<Ipv6> address;
  std::optional<std::uint32_t> preferred, valid;
  if (option.code == kAddress) {
    address = reader.address<Ipv6>();
    preferred = reader.u32();
    valid = reader.u32();
  } else {
    preferred = reader.u32();
    valid = reader.u32();
    const auto length = reader.u8();
    if (!length || *length > kMaxPrefix) return false;
    found.prefix = *length;
    address = reader.address<Ipv6>();
  }
  if (!address || !preferred || !valid) return false;
  // RFC 8415 21.6: the preferred lifetime is not the longer one.
  if (*preferred > *valid) return true;
  bool refused = false;
  if (!status(reader, refused)) return false;
  found.address = *address;
  found.valid_seconds = *valid;
  if (!refused && into.size() < kMaxLeases) into.push_back(found);
  return true;
}

/// Identity associations: what is inside counts only when no status says otherwise.
bool association(const Option& option, std::vector<Lease>& into) {
  Reader reader(option.body);
  constexpr std::size_t kIaid = 4, kTimes = 8;
  if (!reader.skip(option.code == kTemporary ? kIaid : kIaid + kTimes)) return false;
  bool refused = false, broken = false;
  std::vector<Lease> found;
  Reader all = reader;
  if (!status(all, refused)) return false;
  const std::uint16_t wanted = option.code == kPrefixes ? kPrefix : kAddress;
  while (const auto inner = next_option(reader, broken))
    if (inner->code == wanted && !lease(*inner, found)) return false;
  if (broken) return false;
  if (!refused)
    for (const Lease& one : found)
      if (into.size() < kMaxLeases) into.push_back(one);
  return true;
}

bool identifier(View body, std::vector<std::uint8_t>& into) {
  if (body.empty() || body.size() > kMaxDuid || !into.empty()) return false;
  into.assign(body.begin(), body.end());
  return true;
}

}  // namespace

std::optional<Dhcpv6Message> parse_dhcpv6(View payload) {
  Reader reader(payload);
  const auto head = reader.u32();
  if (!head) return std::nullopt;
  const auto kind = static_cast<std::uint8_t>(*head >> 24U);
  if (kind < static_cast<std::uint8_t>(Dhcpv6Message::Kind::Solicit) ||
      kind > static_cast<std::uint8_t>(Dhcpv6Message::Kind::Information))
    return std::nullopt;
  Dhcpv6Message message{};
  message.kind = static_cast<Dhcpv6Message::Kind>(kind);
  message.transaction = *head & 0xffffffU;
  bool broken = false;
  while (const auto option = next_option(reader, broken)) {
    bool good = true;
    switch (option->code) {
      case kClientId:
        good = identifier(option->body, message.client);
        break;
      case kServerId:
        good = identifier(option->body, message.server);
        break;
      case kAddresses:
      case kTemporary:
      case kPrefixes:
        good = association(*option, message.leases);
        break;
      case kStatus: {
        Reader body(option->body);
        const auto code = body.u16();
        good = code.has_value();
        message.refused = message.refused || (good && *code != 0);
        break;
      }
      default:
        break;
    }
    if (!good) return std::nullopt;
  }
  if (broken) return std::nullopt;
  return message;
}

}  // namespace nwf::learn
