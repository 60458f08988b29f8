// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/libvirt/xdr.h"

#include <rpc/types.h>
#include <rpc/xdr.h>

namespace nwf::rpc::libvirt {
namespace {

constexpr std::size_t kUnit = BYTES_PER_XDR_UNIT;

std::size_t padded(std::size_t size) { return (size + kUnit - 1) / kUnit * kUnit; }

/// One of libtirpc's streams over some bytes, for the length of one call.
class Stream {
 public:
  Stream(std::span<std::uint8_t> bytes, xdr_op direction) {
    xdrmem_create(&xdr_, reinterpret_cast<char*>(bytes.data()), static_cast<u_int>(bytes.size()), direction);
  }
  ~Stream() { xdr_destroy(&xdr_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  XDR* get() { return &xdr_; }

 private:
  XDR xdr_{};
};

/// libtirpc reads through a pointer to what it does not change.
std::span<std::uint8_t> for_reading(std::span<const std::uint8_t> bytes) {
  return {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};  // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

}  // namespace

std::span<const std::uint8_t> XdrReader::take(std::size_t size) {
  if (!good_ || size > bytes_.size()) {
    good_ = false;
    return {};
  }
  const auto taken = bytes_.first(size);
  bytes_ = bytes_.subspan(size);
  return taken;
}

std::uint32_t XdrReader::word() {
  u_int value = 0;
  const auto bytes = take(kUnit);
  if (!good_) return 0;
  Stream stream(for_reading(bytes), XDR_DECODE);
  good_ = xdr_u_int(stream.get(), &value) != 0;
  return value;
}

std::int32_t XdrReader::integer() {
  int value = 0;
  const auto bytes = take(kUnit);
  if (!good_) return 0;
  Stream stream(for_reading(bytes), XDR_DECODE);
  good_ = xdr_int(stream.get(), &value) != 0;
  return value;
}

std::string XdrReader::text(std::size_t limit) {
  const std::size_t size = word();
  if (size > limit) good_ = false;
  const auto bytes = take(padded(size));
  if (!good_) return {};
  std::string value(size, '\0');
  Stream stream(for_reading(bytes), XDR_DECODE);
  good_ = xdr_opaque(stream.get(), value.data(), static_cast<u_int>(size)) != 0;
  return value;
}

std::optional<std::string> XdrReader::optional_text(std::size_t limit) {
  const std::uint32_t present = word();
  // RFC 4506 §4.4: a boolean is 0 or 1.
  if (present > 1) good_ = false;
  if (!good_ || present == 0) return std::nullopt;
  return text(limit);
}

std::array<std::uint8_t, 16> XdrReader::uuid() {
  std::array<std::uint8_t, 16> value{};
  const auto bytes = take(value.size());
  if (!good_) return value;
  Stream stream(for_reading(bytes), XDR_DECODE);
  good_ = xdr_opaque(stream.get(), reinterpret_cast<char*>(value.data()), static_cast<u_int>(value.size())) != 0;
  return value;
}

std::span<std::uint8_t> XdrWriter::room(std::size_t size) {
  bytes_.resize(bytes_.size() + size);
  return std::span(bytes_).last(size);
}

void XdrWriter::word(std::uint32_t value) {
  Stream stream(room(kUnit), XDR_ENCODE);
  xdr_u_int(stream.get(), &value);
}

void XdrWriter::integer(std::int32_t value) {
  Stream stream(room(kUnit), XDR_ENCODE);
  xdr_int(stream.get(), &value);
}

void XdrWriter::long_word(std::uint64_t value) {
  Stream stream(room(2 * kUnit), XDR_ENCODE);
  xdr_uint64_t(stream.get(), &value);
}

void XdrWriter::text(std::string_view value) {
  word(static_cast<std::uint32_t>(value.size()));
  if (value.empty()) return;
  std::string copy(value);
  Stream stream(room(padded(value.size())), XDR_ENCODE);
  xdr_opaque(stream.get(), copy.data(), static_cast<u_int>(copy.size()));
}

void XdrWriter::optional_text(const std::optional<std::string>& value) {
  word(value ? 1 : 0);
  if (value) text(*value);
}

void XdrWriter::uuid(const std::array<std::uint8_t, 16>& value) {
  auto copy = value;
  Stream stream(room(copy.size()), XDR_ENCODE);
  xdr_opaque(stream.get(), reinterpret_cast<char*>(copy.data()), static_cast<u_int>(copy.size()));
}

}  // namespace nwf::rpc::libvirt
