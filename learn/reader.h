// SPDX-License-Identifier: GPL-2.0-or-later
// Bytes of a frame, taken one after the other. Whoever reads a guest's bytes takes what is there, or learns that it is
// not there; nobody computes a pointer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

namespace nwf::learn {

using View = std::span<const std::uint8_t>;

class Reader {
 public:
  explicit Reader(View bytes) : left_(bytes) {}

  bool empty() const { return left_.empty(); }
  View rest() const { return left_; }

  /// The next bytes, or nothing when fewer are left; then nothing is taken.
  std::optional<View> take(std::size_t size) {
    if (size > left_.size()) return std::nullopt;
    const View taken = left_.first(size);
    left_ = left_.subspan(size);
    return taken;
  }
  bool skip(std::size_t size) { return take(size).has_value(); }

  /// A number in network byte order.
  template <class Number>
  std::optional<Number> number() {
    const auto bytes = take(sizeof(Number));
    if (!bytes) return std::nullopt;
    Number value = 0;
    for (const std::uint8_t byte : *bytes)
      value = static_cast<Number>((value << (sizeof(Number) > 1 ? 8U : 0U)) | byte);
    return value;
  }
  std::optional<std::uint8_t> u8() { return number<std::uint8_t>(); }
  std::optional<std::uint16_t> u16() { return number<std::uint16_t>(); }
  std::optional<std::uint32_t> u32() { return number<std::uint32_t>(); }

  /// A Mac, Ipv4 or Ipv6.
  template <class Address>
  std::optional<Address> address() {
    Address value;
    const auto bytes = take(value.bytes.size());
    if (!bytes) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), value.bytes.begin());
    return value;
  }

 private:
  View left_;
};

}  // namespace nwf::learn
