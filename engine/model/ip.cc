// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/ip.h"

#include <fmt/format.h>

#include <algorithm>

namespace nwf {
namespace {

/// The byte of a netmask of `prefix` bits at this place.
std::uint8_t mask_byte(unsigned prefix, std::size_t at) {
  const unsigned before = static_cast<unsigned>(at) * 8;
  if (prefix <= before) return 0;
  return static_cast<std::uint8_t>(0xff00U >> std::min(prefix - before, 8U));
}

}  // namespace

IpAddress IpAddress::from(const Bytes& bytes) {
  IpAddress address;
  address.ipv6_ = bytes.size() == 16;
  std::copy_n(bytes.begin(), std::min<std::size_t>(bytes.size(), 16), address.bytes_.begin());
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (const auto four = Ipv4::parse(text)) return IpAddress(*four);
  if (const auto six = Ipv6::parse(text)) return IpAddress(*six);
  return std::nullopt;
}

std::string IpAddress::text() const {
  return ipv6_ ? Ipv6{bytes_}.text() : Ipv4{{bytes_[0], bytes_[1], bytes_[2], bytes_[3]}}.text();
}

IpAddress IpAddress::next() const {
  Bytes all = bytes();
  for (auto byte = all.rbegin(); byte != all.rend(); ++byte)
    if (++*byte != 0) break;
  return from(all);
}

Subnet Subnet::of(const IpAddress& address, unsigned prefix) {
  Bytes bytes = address.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(bytes[i] & mask_byte(prefix, i));
  return {IpAddress::from(bytes), prefix};
}

IpAddress Subnet::last() const {
  Bytes bytes = address.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(bytes[i] | static_cast<std::uint8_t>(~mask_byte(prefix, i)));
  return IpAddress::from(bytes);
}

IpAddress Subnet::netmask() const {
  Bytes bytes(address.bytes().size());
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = mask_byte(prefix, i);
  return IpAddress::from(bytes);
}

bool Subnet::contains(const IpAddress& other) const {
  return other.is_ipv6() == is_ipv6() && of(other, prefix).address == address;
}

bool Subnet::overlaps(const Subnet& other) const { return contains(other.address) || other.contains(address); }

std::string Subnet::text() const { return fmt::format("{}/{}", address.text(), prefix); }

}  // namespace nwf
