// SPDX-License-Identifier: GPL-2.0-or-later
// Words and strings as XDR has them (RFC 4506). Hides libtirpc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nwf::rpc::libvirt {

/// Takes values off bytes that a stranger sent. The first value that is not there whole, or is longer than it may be,
/// makes this and all later ones empty; good() says so at the end.
class XdrReader {
 public:
  explicit XdrReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::uint32_t word();
  std::int32_t integer();
  /// At most `limit` bytes.
  std::string text(std::size_t limit);
  /// A string that may be missing.
  std::optional<std::string> optional_text(std::size_t limit);
  std::array<std::uint8_t, 16> uuid();
  /// Everything that is left, unread.
  void skip_rest() { bytes_ = {}; }

  bool good() const { return good_; }
  /// Everything was read, and nothing is left over.
  bool complete() const { return good_ && bytes_.empty(); }

 private:
  std::span<const std::uint8_t> take(std::size_t size);

  std::span<const std::uint8_t> bytes_;
  bool good_ = true;
};

class XdrWriter {
 public:
  void word(std::uint32_t value);
  void integer(std::int32_t value);
  void long_word(std::uint64_t value);
  void text(std::string_view value);
  void optional_text(const std::optional<std::string>& value);
  void uuid(const std::array<std::uint8_t, 16>& value);

  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  /// Room for `size` more bytes, a multiple of four.
  std::span<std::uint8_t> room(std::size_t size);

  std::vector<std::uint8_t> bytes_;
};

}  // namespace nwf::rpc::libvirt
