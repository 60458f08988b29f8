// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses of either family, and the networks they are in.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "engine/model/address.h"
#include "engine/model/value.h"

namespace nwf {

/// An IPv4 or IPv6 address.
class IpAddress {
 public:
  IpAddress() = default;
  explicit IpAddress(const Ipv4& address) { std::copy(address.bytes.begin(), address.bytes.end(), bytes_.begin()); }
  explicit IpAddress(const Ipv6& address) : ipv6_(true), bytes_(address.bytes) {}
  /// 4 or 16 bytes, network byte order.
  static IpAddress from(const Bytes& bytes);
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_ipv6() const { return ipv6_; }
  /// 32 or 128.
  unsigned bits() const { return ipv6_ ? 128 : 32; }
  /// 4 or 16 bytes, network byte order.
  Bytes bytes() const { return {bytes_.begin(), bytes_.begin() + (ipv6_ ? 16 : 4)}; }
  std::string text() const;
  /// The next address; the first one after the last.
  IpAddress next() const;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  bool ipv6_ = false;
  std::array<std::uint8_t, 16> bytes_{};  ///< of IPv4 the first four
};

/// A network: the host part of `address` is zero.
struct Subnet {
  IpAddress address;
  unsigned prefix = 0;

  /// The network that this address of a host is in.
  static Subnet of(const IpAddress& address, unsigned prefix);
  bool is_ipv6() const { return address.is_ipv6(); }
  IpAddress first() const { return address; }
  IpAddress last() const;
  IpAddress netmask() const;
  bool contains(const IpAddress& other) const;
  /// One of them is in the other. False for different families.
  bool overlaps(const Subnet& other) const;
  std::string text() const;
  friend auto operator<=>(const Subnet&, const Subnet&) = default;
};

}  // namespace nwf
