// SPDX-License-Identifier: GPL-2.0-or-later
// Plain structs of the kernel in a row of bytes.
#pragma once

#include <algorithm>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "engine/model/value.h"

namespace nwf::legacy {

/// Room for a struct, all of it zero, also what lies between its members: rules are compared byte by byte, and a
/// compiler need not keep such bytes of a variable.
template <class Plain>
class Blank {
  static_assert(std::is_trivially_copyable_v<Plain>);

 public:
  Plain& get() { return *reinterpret_cast<Plain*>(bytes_.data()); }

 private:
  Bytes bytes_ = Bytes(sizeof(Plain));
};

/// Every part of a rule begins at a multiple of this: linux/netfilter/x_tables.h, XT_ALIGN; EBT_ALIGN is the same.
constexpr std::size_t aligned(std::size_t size) { return (size + 7U) / 8U * 8U; }

template <class Plain>
void append(const Plain& what, Bytes& to) {
  static_assert(std::is_trivially_copyable_v<Plain>);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&what);
  to.insert(to.end(), bytes, bytes + sizeof(Plain));
}

template <class Plain>
void write_at(const Plain& what, std::size_t at, Bytes& to) {
  static_assert(std::is_trivially_copyable_v<Plain>);
  std::memcpy(to.data() + at, &what, sizeof(Plain));
}

template <class Plain>
Plain read_at(const Bytes& from, std::size_t at) {
  static_assert(std::is_trivially_copyable_v<Plain>);
  Plain what;
  std::memcpy(&what, from.data() + at, sizeof(Plain));
  return what;
}

inline void align(Bytes& bytes) { bytes.resize(aligned(bytes.size())); }

template <std::size_t N>
void copy_name(std::string_view name, char (&to)[N]) {
  std::copy_n(name.data(), std::min(name.size(), N - 1), to);
}

/// Bytes of an address, into whatever the kernel calls it.
template <class Address>
void copy_bytes(const Bytes& from, Address& to) {
  std::memcpy(&to, from.data(), std::min(from.size(), sizeof(Address)));
}

}  // namespace nwf::legacy
