// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

namespace nwf {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// inet_pton() on text that may hold zero bytes or lack a final one.
template <std::size_t N>
bool parse_ip(int family, std::string_view text, std::array<std::uint8_t, N>& out) {
  if (text.find('\0') != std::string_view::npos) return false;
  return inet_pton(family, std::string(text).c_str(), out.data()) == 1;
}

}  // namespace

std::optional<Mac> Mac::parse(std::string_view text) {
  Mac mac;
  std::size_t at = 0;
  for (std::size_t group = 0; group < 6; ++group) {
    if (group > 0) {
      if (at >= text.size() || text[at] != ':') return std::nullopt;
      ++at;
    }
    int value = -1;
    for (int digits = 0; digits < 2 && at < text.size(); ++digits) {
      const int digit = hex_digit(text[at]);
      if (digit < 0) break;
      value = (value < 0 ? 0 : value * 16) + digit;
      ++at;
    }
    if (value < 0) return std::nullopt;
    mac.bytes[group] = static_cast<std::uint8_t>(value);
  }
  if (at != text.size()) return std::nullopt;
  return mac;
}

std::string Mac::text() const { return fmt::format("{:02x}", fmt::join(bytes, ":")); }

std::optional<Ipv4> Ipv4::parse(std::string_view text) {
  Ipv4 address;
  if (!parse_ip(AF_INET, text, address.bytes)) return std::nullopt;
  return address;
}

std::string Ipv4::text() const { return fmt::format("{}", fmt::join(bytes, ".")); }

std::optional<Ipv6> Ipv6::parse(std::string_view text) {
  Ipv6 address;
  if (!parse_ip(AF_INET6, text, address.bytes)) return std::nullopt;
  return address;
}

std::string Ipv6::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  inet_ntop(AF_INET6, bytes.data(), buffer.data(), buffer.size());
  return buffer.data();
}

std::optional<PortName> PortName::parse(std::string_view text) {
  if (text.empty() || text.size() >= kSize || text == "." || text == "..") return std::nullopt;
  const bool bad = std::any_of(text.begin(), text.end(), [](char c) {
    return c == '/' || c == ':' || c == '\0' || c == ' ' || (c >= '\t' && c <= '\r') ||
           static_cast<unsigned char>(c) < 0x20;
  });
  if (bad) return std::nullopt;
  return PortName(std::string(text));
}

std::array<std::uint8_t, PortName::kSize> PortName::padded() const {
  std::array<std::uint8_t, kSize> out{};
  std::copy(text_.begin(), text_.end(), out.begin());
  return out;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  Uuid uuid;
  std::size_t digits = 0;
  for (const char c : text) {
    // libvirt: src/util/viruuid.c, virUUIDParse: dashes are skipped between bytes
    if (c == '-') {
      if (digits % 2 != 0 || digits == 0 || digits == 32) return std::nullopt;
      continue;
    }
    const int digit = hex_digit(c);
    if (digit < 0 || digits == 32) return std::nullopt;
    std::uint8_t& byte = uuid.bytes[digits / 2];
    byte = static_cast<std::uint8_t>(byte * 16 + digit);
    ++digits;
  }
  if (digits != 32) return std::nullopt;
  return uuid;
}

std::string Uuid::text() const {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += fmt::format("{:02x}", bytes[i]);
  }
  return out;
}

}  // namespace nwf
