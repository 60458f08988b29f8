// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses and names as types: a value of one of these is always well formed.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nwf {

/// An Ethernet address, bytes in the order they have on the wire.
struct Mac {
  std::array<std::uint8_t, 6> bytes{};
  /// Six groups of one or two hexadecimal digits, separated by colons.
  static std::optional<Mac> parse(std::string_view text);
  /// Always lower case, two digits a group.
  std::string text() const;
  bool is_multicast() const { return (bytes[0] & 1) != 0; }
  friend auto operator<=>(const Mac&, const Mac&) = default;
};

/// An IPv4 address, network byte order.
struct Ipv4 {
  std::array<std::uint8_t, 4> bytes{};
  static std::optional<Ipv4> parse(std::string_view text);
  std::string text() const;
  friend auto operator<=>(const Ipv4&, const Ipv4&) = default;
};

/// An IPv6 address, network byte order.
struct Ipv6 {
  std::array<std::uint8_t, 16> bytes{};
  static std::optional<Ipv6> parse(std::string_view text);
  /// RFC 5952.
  std::string text() const;
  friend auto operator<=>(const Ipv6&, const Ipv6&) = default;
};

/// The name of a network interface: 1 to 15 bytes, none of them '/' or white space, not "." or ".."
/// (linux: dev_valid_name). A port need not exist to be named.
class PortName {
 public:
  static constexpr std::size_t kSize = 16;  ///< linux/if.h: IFNAMSIZ
  static std::optional<PortName> parse(std::string_view text);
  const std::string& text() const { return text_; }
  /// The name as the kernel keys it: padded with zeros to 16 bytes.
  std::array<std::uint8_t, kSize> padded() const;
  friend auto operator<=>(const PortName&, const PortName&) = default;

 private:
  explicit PortName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// RFC 4122, written as 8-4-4-4-12 hexadecimal digits; dashes may be left out on input, as libvirt allows.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  static std::optional<Uuid> parse(std::string_view text);
  std::string text() const;
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

}  // namespace nwf
